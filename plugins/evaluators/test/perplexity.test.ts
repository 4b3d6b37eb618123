// Perplexity against sums written by hand: models that say how likely each next token is, whatever the window, and models
// that say it by position, which shows what each protocol scores.
import { MixlabError } from '@mixlab/core'
import { buildCorpus } from '@mixlab/data'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { perplexity } from '../src/index.ts'
import { corpusOf, range, run, ScriptedModel, startCpu } from './scripted.ts'

beforeAll(startCpu)

/** bigram[a][b]: the probability of b after a. */
const bigram = [
  [1 / 2, 1 / 4, 1 / 4],
  [1 / 8, 1 / 8, 3 / 4],
  [1 / 3, 2 / 3, 0],
]
/** Logits are log-probabilities up to a constant, another one in each row. */
const bigramModel = (contextLength: number) =>
  new ScriptedModel(3, contextLength, (tokens, position) =>
    bigram[tokens[position]!]!.map((p) => Math.log(p) + position),
  )

const bigramLoss = (tokens: readonly number[], targets = tokens.length - 1): number =>
  range(targets).reduce((sum, t) => sum - Math.log(bigram[tokens[t]!]![tokens[t + 1]!]!), 0) / targets

// 13 targets: three windows of 4 and a tail of 1.
const text = [0, 0, 1, 2, 1, 1, 2, 0, 2, 1, 2, 0, 1, 0]

describe('perplexity', () => {
  test('of a bigram model is that of its probabilities, the tail included', async () => {
    using model = bigramModel(4)
    const { metrics } = await run(perplexity, model, corpusOf(text, { bytes: 20 }))
    // ½ ¼ ¾ ⅔ ⅛ ¾ ⅓ ¼ ⅔ ¾ ⅓ ¼ ⅛, multiplied by hand: 2^−17 · 3^−1.
    const loss = (17 * Math.LN2 + Math.log(3)) / 13
    expect(Object.keys(metrics)).toEqual(['loss/disjoint-4', 'perplexity/disjoint-4', 'bitsPerByte/disjoint-4'])
    expect(metrics['loss/disjoint-4']).toBeCloseTo(loss, 5)
    expect(metrics['perplexity/disjoint-4']).toBeCloseTo((2 ** 17 * 3) ** (1 / 13), 5)
    expect(metrics['bitsPerByte/disjoint-4']).toBeCloseTo(((loss / Math.LN2) * 14) / 20, 5)
    // Four windows, each seen once, two at a time; what fills up the last one is not scored.
    expect(model.seen).toHaveLength(4)
    expect(model.seen.map(([first]) => first)).toEqual([text[0], text[4], text[8], text[12]])
  })

  test('every protocol agrees where context does not matter', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0, 1), { minLength: 8, maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 5 }),
        async (tokens, length, stride, batchSize) => {
          fc.pre(stride <= length)
          using model = bigramModel(length)
          const corpus = corpusOf(tokens)
          const disjoint = await run(perplexity, model, corpus, { batchSize })
          const config = { protocol: 'strided', stride }
          const strided = await run(perplexity, model, corpus, { batchSize, config })
          expect(disjoint.metrics[`loss/disjoint-${length}`]).toBeCloseTo(bigramLoss(tokens), 4)
          expect(strided.metrics[`loss/strided-${length}-${stride}`]).toBeCloseTo(bigramLoss(tokens), 4)
        },
      ),
      { numRuns: 25, seed: 1 },
    ))
})

/** Logits under which the target costs `nats`. */
const costing = (vocabulary: number, target: number, nats: number): number[] =>
  range(vocabulary).map((id) => (id === target ? -nats : Math.log(-Math.expm1(-nats) / (vocabulary - 1))))

describe('protocols', () => {
  // The text is all zeros and the next zero costs more at some positions of the window than at others.
  const costs = [4, 2, 1, 0.25]
  const byPosition = (contextLength = 4) =>
    new ScriptedModel(2, contextLength, (_, position) => costing(2, 0, costs[position]!))
  const zeros = corpusOf(range(10).map(() => 0))

  test('disjoint windows score the positions 0–3, 0–3 and 0', async () => {
    using model = byPosition()
    const { metrics } = await run(perplexity, model, zeros)
    expect(metrics['loss/disjoint-4']).toBeCloseTo((3 * 4 + 2 * 2 + 2 * 1 + 2 * 0.25) / 9, 5)
  })

  test('strided windows score the positions 0–3, 2–3, 2–3 and 2', async () => {
    using model = byPosition()
    const { metrics } = await run(perplexity, model, zeros, { config: { protocol: 'strided', stride: 2 } })
    expect(metrics['loss/strided-4-2']).toBeCloseTo((4 + 2 + 4 * 1 + 3 * 0.25) / 9, 5)
  })

  test('a stride of one token scores the last position only, after the first window', async () => {
    using model = byPosition()
    const { metrics } = await run(perplexity, model, zeros, { config: { protocol: 'strided', stride: 1 } })
    expect(metrics['loss/strided-4-1']).toBeCloseTo((4 + 2 + 1 + 6 * 0.25) / 9, 5)
  })

  test('strided windows score each target once, with at least window − stride tokens of context', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10, max: 40 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        async (count, length, stride, batchSize) => {
          fc.pre(stride <= length)
          // A token's id is its place in the text, each has a price of its own, and too little context is very dear.
          const price = (place: number) => 0.1 + ((place * place * 7) % 31) / 10
          using model = new ScriptedModel(count, length, (tokens, position) => {
            const place = tokens[position]!
            const enough = position >= length - stride || position === place
            return costing(count, place + 1, enough ? price(place) : 1e6)
          })
          const config = { protocol: 'strided', stride }
          const { metrics } = await run(perplexity, model, corpusOf(range(count)), { config, batchSize })
          const wanted = range(count - 1).reduce((sum, place) => sum + price(place), 0) / (count - 1)
          expect(metrics[`loss/strided-${length}-${stride}`]).toBeCloseTo(wanted, 4)
        },
      ),
      { numRuns: 25, seed: 1 },
    ))

  test('the default window is the run’s context, the default stride half of it', async () => {
    using model = byPosition()
    const strided = { config: { protocol: 'strided' } }
    const names = async (options: object) => Object.keys((await run(perplexity, model, zeros, options)).metrics)
    expect(await names({ contextLength: 3 })).toContain('perplexity/disjoint-3')
    expect(await names(strided)).toContain('perplexity/strided-4-2')
    expect(await names({ contextLength: 3, ...strided })).toContain('perplexity/strided-3-1')
    expect(await names({ contextLength: 1, ...strided })).toContain('perplexity/strided-1-1')
    expect(await names({ config: { length: 2, stride: 1 } })).toContain('perplexity/disjoint-2')
    expect(await names({ config: { length: 2, protocol: 'strided', stride: 2 } })).toContain('perplexity/strided-2-2')
  })
})

describe('what is scored', () => {
  test.each([1, 2, 3])('the first windows only: %i', async (windows) => {
    using model = bigramModel(4)
    const { metrics } = await run(perplexity, model, corpusOf(text), { config: { windows } })
    expect(metrics[`loss/disjoint-4-first-${windows}`]).toBeCloseTo(bigramLoss(text, 4 * windows), 5)
  })

  test('more windows than there are: all', async () => {
    using model = bigramModel(4)
    const { metrics } = await run(perplexity, model, corpusOf(text), { config: { windows: 99 } })
    expect(metrics['loss/disjoint-4-first-99']).toBeCloseTo(bigramLoss(text), 5)
  })

  test('the training text, if asked', async () => {
    using model = bigramModel(4)
    const train = [1, 2, 1, 2, 0, 0, 0]
    const { metrics } = await run(perplexity, model, corpusOf(text, { train }), { config: { split: 'train' } })
    expect(metrics['loss/train-disjoint-4']).toBeCloseTo(bigramLoss(train), 5)
  })

  test('bits per byte count UTF-8, not characters', async () => {
    // Characters of 1, 2, 3 and 4 bytes, all equally likely: 2 bits a token, 4 tokens in 10 bytes.
    const corpus = buildCorpus([{ text: 'aé€😀'.repeat(8), domain: '' }], {
      tokenizer: 'character',
      validationFraction: 0.5,
    })
    expect([corpus.tokenizer.size, corpus.validation.tokens.length, corpus.validation.bytes]).toEqual([4, 16, 40])
    using model = new ScriptedModel(4, 8, () => [3, 3, 3, 3])
    const { metrics } = await run(perplexity, model, corpus)
    expect(metrics['loss/disjoint-8']).toBeCloseTo(2 * Math.LN2, 6)
    expect(metrics['perplexity/disjoint-8']).toBeCloseTo(4, 5)
    expect(metrics['bitsPerByte/disjoint-8']).toBeCloseTo(0.8, 6)
  })

  test.each([
    { config: { length: 9 }, message: 'perplexity: length is 9, more than the model’s context of 8' },
    { config: { protocol: 'strided', length: 4, stride: 5 }, message: 'stride is 5, expected 1 … 4' },
    { config: { split: 'train' }, message: 'the training data have only 0 tokens' },
    { config: { length: 8 }, message: 'the validation data have only 8 tokens' },
  ])('what cannot be is refused in one line: $message', async ({ config, message }) => {
    using model = new ScriptedModel(3, 8, () => [0, 0, 0])
    const error: unknown = await run(perplexity, model, corpusOf(text.slice(0, 8)), { config }).catch(
      (reason: unknown) => reason,
    )
    expect(MixlabError.is(error)).toBe(true)
    const line = (error as MixlabError).message
    expect(line.replaceAll("'", '’')).toContain(message)
    expect(line).not.toContain('\n')
    expect(model.seen).toEqual([])
  })
})
