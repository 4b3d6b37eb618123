// GGUF files written of our own models, read by llama.cpp itself: the same tokens, the same log-probabilities; then the
// adapter's streaming, usage, cancellation and errors, against that library.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChatModel } from '@mixlab/agents'
import { saveGguf } from '@mixlab/checkpoints'
import { RandomStream } from '@mixlab/core'
import { byteTokenizer } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import type { Token } from 'node-llama-cpp'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { llamaCpp, ownModel } from '../src/index.ts'
import { acquire } from '../src/llama-cpp/load.ts'
import { ask, build, llamaShape, never, startEngine, streamed, temporaryFolder, trainedModel, verse } from './models.ts'

const quiet = { gpu: false, threads: 1 } as const
const shape = { ...llamaShape, contextLength: 256 }

const mixture = (router: object) => ({
  router: { name: 'top-k', ...router },
  experts: { name: 'swiglu', count: 5, width: 24 },
})

const make = async (config: object): Promise<ChatModel> =>
  llamaCpp.create(llamaCpp.config.parse({ ...quiet, ...config }), {} as never)

/** Logits of the next token after each token of the text, by llama.cpp with keys and values in float32. */
async function logitsOf(path: string, text: string): Promise<number[][]> {
  const { loaded, release } = await acquire({ path, sequences: 1, ...quiet })
  const context = await loaded.model.createContext({
    contextSize: 64,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  })
  try {
    const tokens = loaded.model.tokenize(text)
    expect([...tokens]).toEqual([...byteTokenizer.encode(text)])
    const found = await context
      .getSequence()
      .controlledEvaluate(tokens.map((token) => [token, { generateNext: { logits: true } }]))
    return found.map((one) => {
      const logits = one!.next.logits!
      return Array.from({ length: byteTokenizer.size }, (_, token) => logits.get(token as Token)!)
    })
  } finally {
    await context.dispose()
    await release()
  }
}

const ourLogits = (model: LanguageModel, text: string): number[][] =>
  tf.tidy(() => {
    const ids = [...byteTokenizer.encode(text)]
    return model
      .forward(tf.tensor2d(ids, [1, ids.length], 'int32'), { training: false })
      .logits.arraySync() as number[][]
  })

beforeAll(() => startEngine('cpu'))

describe('a file of our weights', () => {
  const text = 'ho, the wind – and €5'
  test.each([
    ['Llama, tied', {}, 'F32', 2e-4],
    ['Llama, untied, other epsilon and base', { tied: false, normEpsilon: 1e-2, rotaryBase: 500 }, 'F32', 2e-4],
    ['Llama with wide heads', { headWidth: 16, keyValueHeads: 4 }, 'F32', 2e-4],
    ['Qwen 3', { queryKeyNorm: 'head', keyValueHeads: 1 }, 'F32', 2e-4],
    ['Llama in F16', {}, 'F16', 3e-2],
    ['a mixture like Mixtral', { mixture: mixture({}) }, 'F32', 2e-4],
    ['a mixture like Mixtral, in F16', { mixture: mixture({ k: 3, softmax: 'after' }) }, 'F16', 3e-2],
    ['a mixture like Qwen 3 MoE', { queryKeyNorm: 'head', mixture: mixture({ k: 3 }) }, 'F32', 2e-4],
    [
      'a mixture like OLMoE',
      { queryKeyNorm: 'all', keyValueHeads: 4, tied: false, mixture: mixture({ renormalize: false }) },
      'F32',
      2e-4,
    ],
  ] as const)('%s: llama.cpp has our logits', async (_name, others, dtype, tolerance) => {
    using model = build({ ...shape, ...others }, byteTokenizer.size)
    const path = join(temporaryFolder(), 'model.gguf')
    await saveGguf(path, model, byteTokenizer, { name: 'ours', dtype })
    const [theirs, ours] = [await logitsOf(path, text), ourLogits(model, text)]
    expect(theirs).toHaveLength(ours.length)
    const differences = ours.flatMap((row, i) => row.map((logit, j) => Math.abs(logit - theirs[i]![j]!)))
    expect(Math.max(...differences)).toBeLessThan(tolerance)
    expect(Math.max(...ours.flat().map(Math.abs))).toBeGreaterThan(1)
  })

  test('what has no counterpart is refused', async () => {
    const refuse = async (config: object, what: string) => {
      using model = build({ ...shape, ...config }, byteTokenizer.size)
      const path = join(temporaryFolder(), 'never.gguf')
      await expect(saveGguf(path, model, byteTokenizer, { name: 'x' })).rejects.toThrow(`only; this one has ${what}`)
      expect(existsSync(path)).toBe(false)
    }
    await refuse({ norm: 'layer', window: 8 }, 'norm layer, a window')
    await refuse({ mixture: mixture({ renormalize: false }) }, 'weights that do not sum to 1')
    await refuse({ mixture: { ...mixture({}), router: 'switch' } }, 'router switch')
    await refuse({ mixture: { ...mixture({}), from: 1 } }, 'layers without a mixture')
    const olmoe = { queryKeyNorm: 'all', mixture: mixture({ renormalize: false }) }
    await refuse(olmoe, 'fewer key and value heads, tied embeddings')
  })
})

describe('the adapter', () => {
  const prompt = 'the rain it rain'
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-gguf-'))
  const path = join(folder, 'rain.gguf')
  let model: LanguageModel
  let own: ChatModel
  let chat: ChatModel

  beforeAll(async () => {
    model = trainedModel(shape)
    own = await ownModel({ name: 'rain', model, tokenizer: byteTokenizer })
    await saveGguf(path, model, byteTokenizer, { name: 'rain' })
    chat = await make({ path, sequences: 3 })
    return async () => {
      await chat[Symbol.asyncDispose]!()
      model.dispose()
      rmSync(folder, { recursive: true })
    }
  }, 120_000)

  test('continues greedily as our own generation does, token by token, to the end of the document', async () => {
    const request = ask(prompt, { maxTokens: 200, temperature: 0 })
    const [ours, theirs] = [await streamed(own, request), await streamed(chat, request)]
    expect(theirs.reply.text).toBe(verse.slice(prompt.length))
    expect(theirs.pieces).toEqual(ours.pieces)
    expect(theirs.pieces.join('')).toBe(theirs.reply.text)
    expect(theirs.reply.finishReason).toBe('stop')
    // The token that ends the document is counted, too: the model has made it.
    expect(theirs.reply.usage).toEqual({
      inputTokens: prompt.length,
      cachedInputTokens: 0,
      outputTokens: theirs.pieces.length + 1,
    })
    expect(await chat.generate(request, { signal: never })).toEqual(theirs.reply)
    const short = await chat.generate({ ...request, maxTokens: 7 }, { signal: never })
    expect(short).toMatchObject({ text: verse.slice(16, 23), finishReason: 'length', usage: { outputTokens: 7 } })
    const cut = await chat.generate({ ...request, stop: ['day', 'with'] }, { signal: never })
    expect(cut).toMatchObject({ text: 'eth every ', finishReason: 'stop', usage: { outputTokens: 13 } })
  })

  test('log-probabilities are our own generation’s', async () => {
    const request = ask(prompt, { maxTokens: 30, temperature: 0, logProbabilities: 3 })
    const [ours, theirs] = await Promise.all([own, chat].map((each) => each.generate(request, { signal: never })))
    expect(theirs!.text).toBe(ours!.text)
    expect(theirs!.logProbabilities).toHaveLength(30)
    for (const [index, one] of theirs!.logProbabilities!.entries()) {
      const wanted = ours!.logProbabilities![index]!
      expect(one.token).toBe(wanted.token)
      // llama.cpp keeps keys and values in half precision.
      expect(Math.abs(one.logProbability - wanted.logProbability)).toBeLessThan(0.01)
      expect(one.alternatives![0]).toEqual({ token: one.token, logProbability: one.logProbability })
      expect(one.alternatives![2]!.logProbability).toBeCloseTo(wanted.alternatives![2]!.logProbability, 1)
    }
    // With a temperature they still are the model's own.
    const warm = await chat.generate({ ...request, temperature: 1.5, topP: 0.95, seed: 3 }, { signal: never })
    expect(warm.text.slice(0, 5)).toMatch(/^[ -~]{5}$/)
    const again = ask(prompt + warm.text.slice(0, 5), { maxTokens: 1, temperature: 0, logProbabilities: 256 })
    const row = (await own.generate(again, { signal: never })).logProbabilities![0]!.alternatives!
    const sixth = warm.logProbabilities![5]!
    const same = row.find(({ token }) => token === sixth.token)!
    expect(Math.abs(same.logProbability - sixth.logProbability)).toBeLessThan(0.05)
  })

  test('a seed gives the same reply again, another seed another; without one the call’s numbers decide', async () => {
    const request = ask('a', { maxTokens: 30, temperature: 1.5 })
    const text = async (others: object, rng?: RandomStream) =>
      (await chat.generate({ ...request, ...others }, { signal: never, ...(rng && { rng }) })).text
    expect(await text({ seed: 4 })).toBe(await text({ seed: 4 }))
    expect(await text({ seed: 4 })).not.toBe(await text({ seed: 5 }))
    expect(await text({}, new RandomStream(1))).toBe(await text({}, new RandomStream(1)))
    expect(await text({}, new RandomStream(1))).not.toBe(await text({}, new RandomStream(2)))
  })

  test('more calls than sequences: each says what it says alone', async () => {
    const requests = ['the', 'the wind', 'a great', 'with hey', 'every', 'it', 'the world'].map((one) =>
      ask(one, { maxTokens: 20, temperature: 0 }),
    )
    const alone: string[] = []
    for (const request of requests) alone.push((await chat.generate(request, { signal: never })).text)
    const together = await Promise.all(requests.map((request) => chat.generate(request, { signal: never })))
    expect(together.map(({ text }) => text)).toEqual(alone)
    expect(new Set(alone).size).toBeGreaterThan(3)
  })

  test('cancellation: while it writes, while it waits; the sequence is free again', async () => {
    const request = ask(prompt, { maxTokens: 200, temperature: 2, seed: 1 })
    const single = await make({ path, sequences: 1 })
    onTestFinished(() => single[Symbol.asyncDispose]!())
    const reason = new Error('not needed')
    const controller = new AbortController()
    let pieces = 0
    const writing = (async () => {
      for await (const chunk of single.stream(request, { signal: controller.signal }))
        if (chunk.type === 'text' && ++pieces === 4) controller.abort(reason)
    })()
    await expect(writing).rejects.toBe(reason)
    expect(pieces).toBe(4)

    const reading = single.stream(request, { signal: never })[Symbol.asyncIterator]()
    await reading.next()
    const waiting = new AbortController()
    const waits = single.generate(request, { signal: waiting.signal })
    const next = single.generate(ask(prompt, { maxTokens: 3, temperature: 0 }), { signal: never })
    setTimeout(() => waiting.abort(reason), 20)
    await expect(waits).rejects.toBe(reason)
    await reading.return!()
    expect((await next).text).toBe('eth')
    await expect(single.generate(request, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('a schema is followed', async () => {
    const responseSchema = {
      type: 'object',
      properties: { answer: { enum: ['yes', 'no'] }, sure: { type: 'boolean' } },
    }
    for (const seed of [1, 2, 3]) {
      const reply = await chat.generate(ask('the', { responseSchema, seed, temperature: 1, logProbabilities: 1 }), {
        signal: never,
      })
      const parsed = JSON.parse(reply.text) as { answer: string; sure: boolean }
      expect(Object.keys(parsed).toSorted()).toEqual(['answer', 'sure'])
      expect(['yes', 'no']).toContain(parsed.answer)
      expect(typeof parsed.sure).toBe('boolean')
      expect(reply.warnings).toEqual(['logProbabilities: not told of replies that follow a schema'])
    }
  })

  test('a prompt longer than the context is a failure of the call', async () => {
    const small = await make({ path, contextSize: 256 })
    onTestFinished(() => small[Symbol.asyncDispose]!())
    const failed = small.generate(ask('a'.repeat(600)), { signal: never })
    await expect(failed).rejects.toMatchObject({ kind: 'invalid-request', retryable: false })
    await expect(failed).rejects.toThrow('the prompt has 600 tokens, the context 256: shorten it or set contextSize')
    await expect(small.generate(ask(''), { signal: never })).rejects.toThrow('the prompt is empty')
    const full = await small.generate(ask('a'.repeat(250), { temperature: 2, seed: 2, maxTokens: 50 }), {
      signal: never,
    })
    expect(full.usage.outputTokens).toBeLessThanOrEqual(6)
  })

  test('the file’s chat template is used, unless the configuration says otherwise', async () => {
    const other = join(temporaryFolder(), 'chat.gguf')
    const chatTemplate =
      "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    await saveGguf(other, model, byteTokenizer, { name: 'chat', chatTemplate })
    const templated = await make({ path: other })
    const plain = await make({ path: other, prompt: 'plain' })
    onTestFinished(async () => {
      for (const one of [templated, plain]) await one[Symbol.asyncDispose]!()
    })
    const messages = [
      { role: 'user', content: 'the rain' },
      { role: 'assistant', content: 'it raineth' },
      { role: 'user', content: 'every' },
    ] as const
    const settings = { maxTokens: 20, temperature: 0, logProbabilities: 0 }
    const given = await templated.generate({ messages, ...settings }, { signal: never })
    const text = 'user: the rain\nassistant: it raineth\nuser: every\nassistant: '
    const wanted = await plain.generate(ask(text, settings), { signal: never })
    expect(given).toEqual(wanted)
    const joined = await plain.generate({ messages, ...settings }, { signal: never })
    expect(joined.usage.inputTokens).toBe('the rain\nit raineth\nevery'.length)
  })

  test('the name changes with the weights; equal configurations share one load', async () => {
    using other = build(shape, byteTokenizer.size, 2)
    const second = join(temporaryFolder(), 'rain.gguf')
    await saveGguf(second, other, byteTokenizer, { name: 'rain' })
    const changed = await make({ path: second })
    await changed[Symbol.asyncDispose]!()
    expect(chat.model).toMatch(/^rain\.gguf@[0-9a-f]{12}$/)
    expect(changed.model).not.toBe(chat.model)

    const options = { path, contextSize: undefined, sequences: 3, gpu: false, threads: 1 } as const
    const { loaded, release } = await acquire(options)
    const again = await acquire(options)
    expect(again.loaded.model).toBe(loaded.model)
    await release()
    await again.release()
    expect(loaded.model.disposed).toBe(false)
    expect(chat.countTokens!('the rain')).toBe(8)
  })

  test('what cannot be loaded is said in one line', async () => {
    await expect(make({ path: '/nowhere.gguf' })).rejects.toThrow(
      'agent llama-cpp: /nowhere.gguf cannot be read; give the path of a GGUF file',
    )
    const bad = join(temporaryFolder(), 'bad.gguf')
    writeFileSync(bad, 'no model at all')
    const failed = await make({ path: bad }).catch((error: unknown) => error as Error)
    expect(failed).toMatchObject({ name: 'MixlabError' })
    expect((failed as Error).message).toMatch(/^agent llama-cpp: .*bad\.gguf cannot be loaded: .*$/)
    expect((await make({ path }).then(async (one) => (await one[Symbol.asyncDispose]!(), one))).provider).toBe(
      'llama-cpp',
    )
  })

  test('without the package one line says how to install it', () => {
    // Resolved from a folder without node_modules, the package is not found: as where it is not installed.
    const script = `
      import { registerHooks } from 'node:module'
      registerHooks({
        resolve: (name, context, next) =>
          next(name, name === 'node-llama-cpp' ? { ...context, parentURL: 'file:///nowhere/index.js' } : context),
      })
      const { llamaCpp } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
      try {
        await llamaCpp.create(llamaCpp.config.parse({ path: ${JSON.stringify(path)} }), {})
      } catch (error) {
        console.log(error.name + ': ' + error.message)
      }`
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
    expect(output).toBe('MixlabError: agent llama-cpp needs the package node-llama-cpp: npm install node-llama-cpp\n')
  })
})
