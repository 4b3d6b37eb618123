import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logarithmicTicks } from '../../src/agents/fronts.ts'
import { grams, shareIn } from '../../src/agents/copying.ts'
import { scoreInterval } from '../../src/agents/intervals.ts'
import { piecesOf } from '../../src/agents/transcripts/pieces.ts'
import { moneyText, noSpending, spend } from '../../src/agents/money.ts'
import { questionTranscripts, transcriptMarkdown } from '../../src/index.ts'
import { example, mixture, scriptedAnswer, writeAgentRun } from './scripted-run.ts'

describe('a message taken apart', () => {
  const words = fc.array(fc.constantFrom('ab', 'cd', ' ', '\n', '####'), { maxLength: 30 }).map((all) => all.join(''))

  it('is the sum of its pieces, whatever is known', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 6 }), fc.array(words, { maxLength: 6 }), (known, between) => {
        const content = known.flatMap((text, i) => [between[i] ?? '', text]).join('')
        const texts = known.map((text, place) => ({ text, place }))
        const pieces = piecesOf(content, texts)
        expect(pieces.map((piece) => (typeof piece === 'number' ? known[piece]! : piece)).join('')).toBe(content)
      }),
    )
  })

  it('prefers the longest of the texts that begin at one place', () => {
    const known = ['the answer is 7', 'the answer is 7, since 3 + 4'].map((text, place) => ({ text, place }))
    expect(piecesOf('1. the answer is 7, since 3 + 4\n2. the answer is 7', known)).toEqual(['1. ', 1, '\n2. ', 0])
  })
})

describe('money', () => {
  const cost = (price: { logical?: number; currency?: string }, tokens = 10) => ({
    inputTokens: tokens,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    estimated: false,
    ...price,
  })
  it.each([
    ['nothing', [], '0'],
    ['one price', [cost({ logical: 0.5, currency: 'USD' })], '0.5 USD'],
    ['no price', [cost({})], 'unknown'],
    ['a price and none', [cost({ logical: 0.5, currency: 'USD' }), cost({})], '≥ 0.5 USD'],
    ['no price for no tokens', [cost({ logical: 0.5, currency: 'USD' }), cost({}, 0)], '0.5 USD'],
    ['two currencies', [cost({ logical: 1, currency: 'USD' }), cost({ logical: 2, currency: 'EUR' })], '1 USD + 2 EUR'],
  ])('%s', (_, costs, text) => {
    const spent = noSpending()
    for (const one of costs) spend(spent, one)
    expect(moneyText(spent.logical).replaceAll('\u202f', ' ')).toBe(text)
  })
})

describe('an interval of scores', () => {
  const all = (n: number, right: number) =>
    Array.from({ length: n }, (_, i) => ({ id: `q${i}`, score: Number(i < right) }))
  const inGroups = (n: number, right: number, size: number) =>
    all(n, right).map((one, i) => ({ ...one, group: `g${Math.floor(i / size)}` }))

  it("is Wilson's for right and wrong", () => {
    // Newcombe 1998, table I: 81 of 263.
    const { low, high } = scoreInterval(all(263, 81))!
    expect(low).toBeCloseTo(0.2553, 4)
    expect(high).toBeCloseTo(0.3662, 4)
  })

  it('has a width where all are right, by as many questions as there are groups', () => {
    expect(scoreInterval(inGroups(80, 80, 8))).toMatchObject({ mean: 1, method: 'Wilson', n: 80 })
    expect(scoreInterval(inGroups(80, 80, 8))!.low).toBeCloseTo(scoreInterval(all(10, 10))!.low, 12)
  })

  it('is wider where questions of a group go together', () => {
    const [alone, grouped] = [scoreInterval(all(80, 40))!, scoreInterval(inGroups(80, 40, 8))!]
    expect(grouped.method).toBe('clustered')
    expect((grouped.high - grouped.low) / (alone.high - alone.low)).toBeGreaterThan(2.5)
  })
})

describe('copying', () => {
  it('is the share of 4-word sequences', () => {
    const whole = grams('one two three four five six')
    expect(shareIn(grams('two three four five'), whole)).toBe(1)
    expect(shareIn(grams('one two three four seven'), whole)).toBe(0.5)
    expect(shareIn(grams('seven eight'), whole)).toBe(0)
    expect(shareIn(grams(''), whole)).toBe(0)
  })
})

describe('an axis of money', () => {
  it('has round ticks that stand apart', () => {
    expect(logarithmicTicks(0.15, 4.9)).toEqual([0.2, 0.5, 1, 2])
    expect(logarithmicTicks(1, 1e6)).toEqual([1, 10, 100, 1000, 1e4, 1e5, 1e6])
    for (const [low, high] of [
      [1.1, 1.9],
      [0.00013, 0.9],
      [880, 900],
    ] as const)
      expect(logarithmicTicks(low, high).every((tick) => tick >= low && tick <= high)).toBe(true)
  })
})

describe('a transcript in Markdown', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mixlab-transcript-'))
    await writeAgentRun(join(folder, 'run'), { ...example, questions: 12 })
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('holds every message, reply and failure word for word, in fences that nothing ends', async () => {
    const says = 'Look:\n```js\nfoo()\n```\n````md\n# not a heading\n````\n<script>alert(1)</script> '
    const options = { ...example, says }
    for (const index of [0, 1, 2, 3]) {
      const { result, graded } = await scriptedAnswer(
        mixture('lite', 2, ['weak-a', 'weak-c'], 'strong'),
        index,
        options,
      )
      const text = transcriptMarkdown(result, { grades: graded, name: 'lite' })
      for (const { messages, text: reply, failure } of result.calls) {
        for (const { content } of messages) expect(text).toContain(`text\n${content}\n`)
        if (reply !== undefined) expect(text).toContain(`\n\`\`\`\`\`text\n${reply}\n\`\`\`\`\`\n`)
        if (failure) expect(text).toContain(failure.kind)
      }
      // Outside of the fences no heading but the transcript's own.
      const outside = text.replaceAll(/^(`{3,})text\n[^]*?\n\1$/gm, '')
      expect(outside).not.toContain('not a heading')
      expect(outside).not.toContain('<script>')
      expect(outside.match(/^#+ /gm)).toHaveLength(1 + 2 + result.steps.length + result.calls.length)
    }
  })

  it('is found by id in every arm, or in one', async () => {
    const all = await questionTranscripts(join(folder, 'run'), 'gsm8k-0003')
    expect(all.match(/^# .*$/gm)).toEqual(example.arms.map(({ name }) => `# gsm8k-0003, ${name}`))
    const one = await questionTranscripts(join(folder, 'run'), 'gsm8k-0003', 'moa')
    expect(one.match(/^#### Call/gm)).toHaveLength(13)
  })

  it('names what is not there', async () => {
    const run = join(folder, 'run')
    await expect(questionTranscripts(run, 'gsm8k-003')).rejects.toThrow(
      /no question "gsm8k-003" among the 12.*gsm8k-0003/,
    )
    await expect(questionTranscripts(run, 'gsm8k-0003', 'moe')).rejects.toThrow(/no arm "moe"; it has single.*mean moa/)
    await writeAgentRun(join(folder, 'none'), { ...example, arms: [] })
    await expect(questionTranscripts(join(folder, 'none'), 'x')).rejects.toThrow(/has no transcripts/)
  })
})
