// Generation: the cache changes nothing, the distribution is the one asked for, the memory stays.
import { RandomStream } from '@mixlab/core'
import { tf } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { checkSampling, drawToken, generate, generateStream, tokenProbabilities } from '../src/index.ts'
import { engines, startEngine } from './engines.ts'
import { build, integers, tiny, tinyMixture } from './models.ts'

const spread = { initializerRange: 0.4 }

describe.each(engines)('generate on %s', (engine) => {
  beforeAll(() => startEngine(engine))

  test.each([
    ['dense, rotary', { ...tiny, ...spread }],
    ['grouped-query, sliding window', { ...tiny, ...spread, keyValueHeads: 1, window: 3, queryKeyNorm: 'head' }],
    ['learned positions', { ...tiny, ...spread, norm: 'layer', positions: 'learned', bias: true }],
    ['mixture', tinyMixture({ shared: [{ name: 'mlp' }] }, spread)],
  ])('gives the same tokens with and without the cache, beyond the context too: %s', async (_, config) => {
    using model = build(config)
    const prompts = [integers(4, 11), integers(4, 11, 8), integers(2, 11, 9)]
    for (const temperature of [0, 1]) {
      const options = { maxTokens: 14, temperature, seed: 5 }
      const cached = await generate(model, prompts, options)
      expect(cached.map((tokens) => tokens.length)).toEqual([14, 14, 14])
      expect(await generate(model, prompts, { ...options, cache: false })).toEqual(cached)
      // A prompt's continuation does not depend on the others.
      if (temperature === 0) expect(await generate(model, prompts[2]!, options)).toEqual(cached[2])
    }
  })

  test('the seed decides', async () => {
    using model = build({ ...tiny })
    const draw = (seed: number) => generate(model, [1], { maxTokens: 10, seed })
    expect(await draw(1)).toEqual(await draw(1))
    expect(await draw(1)).not.toEqual(await draw(2))
  })

  test('stops at a stop token, which is not part of the continuation', async () => {
    using model = build({ ...tiny, ...spread })
    const whole = await generate(model, [1, 2], { maxTokens: 10, seed: 3 })
    const stop = whole[4]!
    expect(await generate(model, [1, 2], { maxTokens: 10, seed: 3, stop: [stop] })).toEqual(
      whole.slice(0, whole.indexOf(stop)),
    )
  })

  test('streams the same tokens, and can be left early', async () => {
    using model = build({ ...tiny, ...spread })
    const before = tf.memory().numTensors
    const options = { maxTokens: 6, seed: 3 }
    const seen: number[] = []
    for await (const { token } of generateStream(model, [[1, 2]], options)) {
      seen.push(token)
      if (seen.length === 4) break
    }
    expect(seen).toEqual((await generate(model, [1, 2], options)).slice(0, 4))
    expect(tf.memory().numTensors).toBe(before)
  })

  test('can be interrupted', async () => {
    using model = build(tiny)
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), 20)
    const endless = generate(model, [1], { maxTokens: 200_000, signal: controller.signal })
    await expect(endless).rejects.toThrow('generation was interrupted')
    clearTimeout(timer)
  })

  test('clear errors', async () => {
    using model = build(tiny)
    await expect(generate(model, [], { maxTokens: 1 })).rejects.toThrow('prompt 0 is empty')
    await expect(generate(model, [[1], [3, 11]], { maxTokens: 1 })).rejects.toThrow(
      'prompt 1 has the token 11, but the vocabulary has 11 (0 … 10)',
    )
    await expect(generate(model, [1], { maxTokens: 1, topP: 0 })).rejects.toThrow(
      'topP is 0, expected a number in (0, 1]',
    )
    await expect(generate(model, [1], { maxTokens: 1, signal: AbortSignal.abort() })).rejects.toThrow(
      'generation was interrupted',
    )
  })
})

describe('the distribution of the next token', () => {
  const logits = Float32Array.of(2, 1, 0, -1, 1)
  const softmax = (scores: readonly number[]) => {
    const weights = scores.map(Math.exp)
    return weights.map((weight) => weight / weights.reduce((a, b) => a + b))
  }
  const close = (actual: Float64Array, wanted: readonly number[]) => {
    expect(actual).toHaveLength(wanted.length)
    for (const [i, value] of wanted.entries()) expect(actual[i]).toBeCloseTo(value, 6)
  }
  const probabilities = (options: Parameters<typeof checkSampling>[0], seen: number[] = []) =>
    tokenProbabilities(logits, checkSampling(options), seen)

  test('temperature, top-k (ties stay), top-p, repetition penalty', () => {
    close(probabilities({}), softmax([2, 1, 0, -1, 1]))
    close(probabilities({ temperature: 0.5 }), softmax([4, 2, 0, -2, 2]))
    close(probabilities({ temperature: 0 }), [1, 0, 0, 0, 0])
    close(probabilities({ topK: 2 }), softmax([2, 1, -Infinity, -Infinity, 1]))
    // 0.52, 0.19, 0.19, …: the third is needed for 0.75, of equal ones the first comes first.
    close(probabilities({ topP: 0.6 }), softmax([2, 1, -Infinity, -Infinity, -Infinity]))
    close(probabilities({ topP: 0.75 }), softmax([2, 1, -Infinity, -Infinity, 1]))
    close(probabilities({ topP: 1e-6 }), [1, 0, 0, 0, 0])
    // A penalty of 2 halves positive logits and doubles negative ones, once however often a token was seen.
    close(probabilities({ repetitionPenalty: 2 }, [0, 0, 3]), softmax([1, 1, 0, -2, 1]))
  })

  test('is what is drawn from (χ², 4 degrees of freedom, 99.9 %)', () => {
    const rng = new RandomStream(11)
    const wanted = probabilities({})
    const draws = 4000
    const counts = Array.from({ length: 5 }, () => 0)
    for (let i = 0; i < draws; i++) counts[drawToken(wanted, rng)]!++
    const chi2 = counts.reduce(
      (sum, count, token) => sum + (count - draws * wanted[token]!) ** 2 / (draws * wanted[token]!),
      0,
    )
    expect(chi2).toBeLessThan(18.47)
  })
})
