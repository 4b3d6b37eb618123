// Every router in a small transformer, and scripted models that look ahead in ways that are easy to miss.
import { MixlabError } from '@mixlab/core'
import type { LanguageModel } from '@mixlab/nn'
import { routers } from '@mixlab/routers'
import { evaluate } from '@mixlab/training'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { causality } from '../src/index.ts'
import { corpusOf, type Logits, range, recordingRun, run, ScriptedModel, startCpu, transformerOf } from './scripted.ts'

beforeAll(startCpu)

const length = 12
const corpus = corpusOf(range(40).map((index) => (index * index + 3 * index) % 16))

const mixtureOf = (mixture: object): LanguageModel =>
  transformerOf({
    layers: 2,
    contextLength: length,
    mixture: { experts: { name: 'swiglu', count: 4, width: 8 }, ...mixture },
  })

describe('routers', () => {
  const causal = routers.filter(({ traits }) => traits['causal'] !== false)

  test('all but expert choice say that they are causal', () => {
    expect(causal.map(({ name }) => name).toSorted()).toEqual([
      'dense',
      'hash',
      'lin-ucb',
      'logistic',
      'matrix-factorization',
      'mlp',
      'nearest-neighbours',
      'noisy-top-k',
      'random',
      'sigmoid-bias',
      'switch',
      'top-k',
    ])
  })

  // Nearest neighbours route nothing before they know outcomes, which experts do not have.
  test.each(causal.filter(({ name }) => name !== 'nearest-neighbours'))('$name passes', async ({ name }) => {
    using model = mixtureOf({ router: name })
    expect(model.causal).toBe(true)
    const { metrics, failed } = await run(causality, model, corpus)
    expect(failed).toBeUndefined()
    expect(metrics).toMatchObject({ passed: 1 })
    expect(metrics['relativeChange']).toBeLessThan(1e-5)
  })

  test('expert choice fails, and the run is warned', async () => {
    using model = mixtureOf({ router: 'expert-choice' })
    expect(model.causal).toBe(false)
    const { run: context, events } = recordingRun()
    const results = await evaluate(context, { model, corpus, step: 7, evaluators: ['causality'] })
    const { metrics, failed } = results.get('causality')!
    expect(metrics['passed']).toBe(0)
    expect(metrics['relativeChange']).toBeGreaterThan(1e-2)
    expect(failed).toContain('its routers: expert-choice')
    expect(events).toEqual([
      { type: 'eval.result', data: { step: 7, evaluator: 'causality', metrics } },
      { type: 'warning', data: { message: `causality: ${failed}` } },
    ])
  })

  test.each([
    { drop: 'priority', evaluation: 'same', passed: 0 },
    { drop: 'priority', evaluation: 'dropless', passed: 1 },
    { drop: 'position', evaluation: 'same', passed: 1 },
  ])('capacity: drop by $drop, evaluation $evaluation → $passed', async ({ drop, evaluation, passed }) => {
    using model = mixtureOf({ router: { name: 'top-k', k: 2 }, capacity: { factor: 0.6, drop, evaluation } })
    const { metrics, failed } = await run(causality, model, corpus)
    expect(metrics['passed']).toBe(passed)
    expect(model.causal).toBe(passed === 1)
    expect(failed === undefined).toBe(passed === 1)
  })

  test('a dense model passes', async () => {
    using model = transformerOf({ contextLength: length })
    expect((await run(causality, model, corpus)).metrics['passed']).toBe(1)
  })
})

/** Logits that are a pure function of the tokens before and at the position. */
const prefix: Logits = (tokens, position) =>
  range(16).map((id) => Math.sin(id + tokens.slice(0, position + 1).reduce((sum, token) => 3 * sum + token, 1)))

/** With one window and four positions of twelve: 2, 4, 7 and 9 are tried. */
const one = { config: { sequences: 1 } }
const isChanged = (tokens: readonly number[]) => tokens[length - 1] !== corpus.validation.tokens[length - 1]

/** `prefix` with `change` added to one logit of one position when the last token is another. */
const leaking =
  (leaks: readonly { readonly at: number; readonly change: number }[]): Logits =>
  (tokens, position) => {
    const found = leaks.find(({ at }) => at === position && isChanged(tokens))
    return prefix(tokens, position).map((logit, id) => (found && id === 5 ? logit + found.change : logit))
  }

describe('scripted models', () => {
  test('a pure function of the past passes with no change at all', async () => {
    using model = new ScriptedModel(16, length, prefix)
    const result = await run(causality, model, corpus)
    expect(result).toEqual({ metrics: { maxChange: 0, relativeChange: 0, passed: 1 } })
  })

  test('one token ahead fails; the message says by how much and where', async () => {
    // 1 at the next token's id, 0 elsewhere and at the last position: the root mean square is √(11/12/16).
    using model = new ScriptedModel(16, length, (tokens, position) =>
      range(16).map((id) => Number(id === tokens[position + 1])),
    )
    const { metrics, failed } = await run(causality, model, corpus, one)
    expect(metrics['maxChange']).toBe(1)
    expect(metrics['relativeChange']).toBeCloseTo(Math.sqrt((12 * 16) / 11), 5)
    expect(metrics['passed']).toBe(0)
    expect(failed).toBe(
      'the model looks at later tokens: its output at position 2 changed by 1.00 (418 % of a typical logit) when only tokens after it were replaced',
    )
  })

  test.each([0, 3, 9])('a leak into one logit of position %i is found', async (at) => {
    using model = new ScriptedModel(16, length, leaking([{ at, change: -0.25 }]))
    const { metrics, failed } = await run(causality, model, corpus, one)
    expect(metrics['maxChange']).toBeCloseTo(0.25, 5)
    expect(failed).toContain(`at position ${at} changed by 0.250`)
  })

  test('the position with the largest change is named', async () => {
    const leaks = [1, 4, 2].map((change, index) => ({ at: 5 + index, change }))
    using model = new ScriptedModel(16, length, leaking(leaks))
    expect((await run(causality, model, corpus, one)).failed).toContain('at position 6 changed by 4.00')
  })

  test('NaN is a change, whatever else changes', async () => {
    // A tiny change after it must not hide it.
    const leaks = [
      { at: 3, change: NaN },
      { at: 4, change: 1e-6 },
      { at: 6, change: 10 },
    ]
    using model = new ScriptedModel(16, length, leaking(leaks))
    const { metrics, failed } = await run(causality, model, corpus, one)
    expect(metrics).toEqual({ maxChange: NaN, relativeChange: NaN, passed: 0 })
    expect(failed).toContain('at position 3 changed by NaN')
  })

  test('NaN after a smaller change is a change, too', async () => {
    using model = new ScriptedModel(
      16,
      length,
      leaking([
        { at: 1, change: 1e-6 },
        { at: 8, change: NaN },
      ]),
    )
    expect((await run(causality, model, corpus, one)).metrics['passed']).toBe(0)
  })

  test('the tolerance is relative to the logits’ root mean square', async () => {
    for (const scale of [1, 1000]) {
      // Logits ±scale: their root mean square is the scale.
      const logits =
        (change: number): Logits =>
        (tokens, position) =>
          range(16).map(
            (id) =>
              (id % 2 === 0 ? scale : -scale) + (position === 1 && id === 3 && isChanged(tokens) ? change * scale : 0),
          )
      const passed = async (change: number, config: object) => {
        using model = new ScriptedModel(16, length, logits(change))
        return (await run(causality, model, corpus, { config: { sequences: 1, ...config } })).metrics['passed']
      }
      expect(await passed(0.9e-4, {})).toBe(1)
      expect(await passed(1.1e-4, {})).toBe(0)
      expect(await passed(0.1, { tolerance: 0.11 })).toBe(1)
      expect(await passed(0.1, { tolerance: 0.09 })).toBe(0)
    }
  })
})

describe('windows of different scales', () => {
  const { tokens: text } = corpus.validation
  // Of the two windows, at 0 and at 27, the first has logits a thousand times as large.
  const scaleOf = (tokens: readonly number[]) => (tokens[0] === text[0] ? 1000 : 1)
  const lastOf = (tokens: readonly number[]) => text[(tokens[0] === text[0] ? 0 : 27) + length - 1]
  const scaled =
    (large: number, small: number): Logits =>
    (tokens, position) => {
      const scale = scaleOf(tokens)
      const leaks = position === 1 && tokens[length - 1] !== lastOf(tokens)
      return range(16).map((id) => (id % 2 === 0 ? scale : -scale) + (leaks ? (scale === 1 ? small : large) : 0))
    }

  test.each([
    { large: 0.05, small: 0, passed: 1 },
    { large: 0.05, small: 0.04, passed: 0 },
    { large: 0, small: 0.04, passed: 0 },
  ])('a change counts by its window’s logits: $large of 1000, $small of 1 → $passed', async (leak) => {
    expect(text[27]).not.toBe(text[0])
    using model = new ScriptedModel(16, length, scaled(leak.large, leak.small))
    const { metrics } = await run(causality, model, corpus)
    expect(metrics['passed']).toBe(leak.passed)
    expect(metrics['relativeChange']).toBeCloseTo(leak.small > 0 ? leak.small : leak.large / 1000, 5)
  })

  test('logits that are all zero do not change', async () => {
    using model = new ScriptedModel(16, length, () => range(16).map(() => 0))
    expect((await run(causality, model, corpus)).metrics).toEqual({ maxChange: 0, relativeChange: 0, passed: 1 })
  })
})

describe('what is replaced', () => {
  test('all tokens after the position and none before, each by another one of the vocabulary', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 12 }),
        async (vocabulary, contextLength, positions) => {
          using model = new ScriptedModel(vocabulary, contextLength, () => range(vocabulary))
          const text = corpusOf(range(contextLength + 5).map((index) => (index * 5 + 1) % vocabulary))
          await run(causality, model, text, { config: { sequences: 2, positions } })
          expect(model.seen).toHaveLength(2 * (1 + positions))
          for (const [index, tokens] of model.seen.entries()) {
            const window = Math.floor(index / (1 + positions))
            const nth = index % (1 + positions)
            const whole = model.seen[window * (1 + positions)]!
            if (nth === 0) continue
            const position = Math.min(contextLength - 1, Math.floor((nth * contextLength) / (positions + 1)))
            expect(tokens.map((token, t) => token === whole[t])).toEqual(whole.map((_, t) => t <= position))
            expect(tokens.every((token) => token >= 0 && token < vocabulary)).toBe(true)
          }
        },
      ),
      { numRuns: 25, seed: 1 },
    ))

  test('the replacements are the same each time', async () => {
    using model = new ScriptedModel(16, length, prefix)
    await run(causality, model, corpus)
    const first = model.seen.splice(0)
    await run(causality, model, corpus)
    expect(model.seen).toEqual(first)
  })

  test('a text shorter than a window is refused', async () => {
    using model = new ScriptedModel(16, length, prefix)
    await expect(run(causality, model, corpusOf(range(12)))).rejects.toThrow(MixlabError)
  })
})
