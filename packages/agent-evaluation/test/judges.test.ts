// Judges with a known taste: what they say is known, and what is found out about them must be it.
import type { Call, CallOutcome } from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import { krippendorffAlpha } from '@mixlab/statistics'
import { describe, expect, test } from 'vitest'
import {
  type AnswerPair,
  judgePairs,
  lengthControlled,
  type PairJudgement,
  panelAgreement,
  pairwisePrompt,
  readVerdict,
  selfPreference,
  summarisePairs,
} from '../src/index.ts'

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

test.each([
  ['Both fine. [[A]]', 'A'],
  ['[[B]]', 'B'],
  ['At first [[A]], but on reflection: [[B]]', 'B'],
  ['Equal. [[C]]', 'tie'],
  ['A is better', 'unparseable'],
  ['[A]', 'unparseable'],
  ['', 'unparseable'],
])('the verdict of %j is %s', (text, verdict) => expect(readVerdict(text)).toBe(verdict))

/** What a judge was shown. */
const shown = (call: Call) => {
  const text = call.request.messages.at(-1)!.content
  const part = (name: string) => new RegExp(`\\[Start of answer ${name}\\]\\n([^]*?)\\n\\[End of`).exec(text)![1]!
  return { a: part('A'), b: part('B') }
}
/** A judge that is a function of the two answers in their places. */
const judgeOf =
  (say: (a: string, b: string, call: Call) => string | undefined, asked: Call[] = []) =>
  (call: Call): Promise<CallOutcome> => {
    asked.push(call)
    const { a, b } = shown(call)
    const text = say(a, b, call)
    return Promise.resolve(
      (text === undefined
        ? { ok: false, failure: { kind: 'timeout', message: 'too slow' } }
        : { ok: true, reply: { text, finishReason: 'stop', usage: {}, warnings: [] } }) as unknown as CallOutcome,
    )
  }

const pair = (index: number, first: string, second: string, names = ['moa', 'single']): AnswerPair => ({
  question: { id: `q${index}`, text: `Question ${index}?` },
  first: { name: names[0]!, text: first },
  second: { name: names[1]!, text: second },
})

describe('both orders', () => {
  test('are asked, at temperature 0, under ids of their own', async () => {
    const asked: Call[] = []
    await judgePairs([pair(1, 'good', 'bad')], {
      judge: 'strong',
      settings: { temperature: 1, system: 'Be fair.' },
      call: judgeOf(() => '[[A]]', asked),
    })
    expect(asked.map(({ id }) => id)).toEqual(['q1/pairwise/strong/moa/single', 'q1/pairwise/strong/single/moa'])
    expect(asked.map(shown)).toEqual([
      { a: 'good', b: 'bad' },
      { a: 'bad', b: 'good' },
    ])
    for (const { request, agent } of asked) {
      expect(agent).toBe('strong')
      expect(request.temperature).toBe(0)
      expect(request.messages[0]!.content).toMatch(/^Be fair\./)
    }
  })

  test('that agree are a win; that differ a tie; without a verdict neither, and counted', async () => {
    const say = (a: string, b: string, call: Call): string | undefined => {
      const index = Number(/^q(\d+)/.exec(call.question)![1])
      const place = call.id.endsWith('moa/single') ? 0 : 1
      // The first arm's text is `m`, the second's `s`.
      return [
        a === 'm' ? '[[A]]' : '[[B]]', // the first, whatever its place
        b === 's' ? '[[B]]' : '[[A]]', // the second
        '[[A]]', // whatever comes first
        '[[C]]',
        place === 0 ? '[[A]]' : 'no verdict',
        place === 0 ? undefined : '[[B]]', // shown second second time: the first arm
      ][index]
    }
    const judgements = await judgePairs(
      range(6).map((index) => pair(index, 'm', 's')),
      { judge: 'j', call: judgeOf(say) },
    )
    expect(judgements.map(({ winner, preference, consistent }) => [winner, preference, consistent])).toEqual([
      ['first', 1, true],
      ['second', 0, true],
      ['tie', 0.5, false],
      ['tie', 0.5, true],
      ['tie', 0.75, undefined],
      ['tie', 0.75, undefined],
    ])
    const summary = summarisePairs(judgements)
    expect(summary).toMatchObject({ wins: 1, losses: 1, ties: 4, unparseable: 1, failed: 1, questions: 6 })
    expect(summary.consistency).toMatchObject({ rate: 0.75, pairs: 4 })
    expect(summary.winRate).toBeCloseTo((1 + 0 + 0.5 + 0.5 + 0.75 + 0.75) / 6, 12)
    // A: 1 + 1 + 2 + 0 + 1 + 0; B: 1 + 1 + 0 + 0 + 0 + 1.
    expect(summary.firstPlace).toMatchObject({ share: 5 / 8, verdicts: 8 })
  })
})

test('a judge that always prefers the first place is found out, and names no winner', async () => {
  const judgements = await judgePairs(
    range(30).map((index) => pair(index, 'x', 'y')),
    { judge: 'j', call: judgeOf(() => '[[A]]') },
  )
  const summary = summarisePairs(judgements)
  expect(summary).toMatchObject({ wins: 0, losses: 0, ties: 30, winRate: 0.5 })
  expect(summary.consistency.rate).toBe(0)
  expect(summary.firstPlace.share).toBe(1)
  expect(summary.firstPlace.p).toBeLessThan(1e-12)
})

test('a judge that prefers length alone: length control takes the win rate back to a half', async () => {
  const rng = new RandomStream(3)
  const pairs = range(200).map((index) =>
    pair(index, 'x'.repeat(120 + rng.integer(120)), 'y'.repeat(80 + rng.integer(120))),
  )
  const taste = (a: string, b: string) =>
    rng.uniform() < 1 / (1 + Math.exp((b.length - a.length) / 40)) ? '[[A]]' : '[[B]]'
  const summary = summarisePairs(await judgePairs(pairs, { judge: 'j', call: judgeOf(taste) }))
  expect(summary.winRate).toBeGreaterThan(0.65)
  expect(Math.abs(summary.lengthControlled!.lengthControlledWinRate - 0.5)).toBeLessThan(0.08)
  expect(summary.lengthControlled!.length).toBeLessThan(0)
})

describe('length control', () => {
  test('leaves a taste that has nothing to do with length as it is', () => {
    const rng = new RandomStream(8)
    const preferences = range(400).map(() => Number(rng.uniform() < 0.7))
    const lengths = () => range(400).map(() => 100 + rng.integer(200))
    const { winRate, lengthControlledWinRate } = lengthControlled(preferences, lengths(), lengths())
    expect(Math.abs(lengthControlledWinRate - winRate)).toBeLessThan(0.02)
  })

  test('has nothing to control where answers are equally long, and needs five questions', () => {
    const { winRate, lengthControlledWinRate, length } = lengthControlled([1, 1, 1, 0, 1, 0], range(6), range(6))
    expect(length).toBe(0)
    expect(Math.abs(lengthControlledWinRate - winRate)).toBeLessThan(0.17)
    expect(() => lengthControlled([1, 0], [1, 2], [1, 2])).toThrow('at least 5 judged questions, and has 2')
  })

  test('counts characters, not UTF-16 units', async () => {
    const [judgement] = await judgePairs([pair(0, '👍👍', 'ab')], { judge: 'j', call: judgeOf(() => '[[C]]') })
    expect(judgement!.lengths).toEqual([2, 2])
  })
})

describe('panels', () => {
  const said = (judge: string, winners: readonly PairJudgement['winner'][], names = ['a', 'b']): PairJudgement[] =>
    winners.map((winner, index) => ({
      question: `q${index}`,
      judge,
      first: names[0]!,
      second: names[1]!,
      verdicts: ['tie', 'tie'],
      preference: winner === 'first' ? 1 : winner === 'second' ? 0 : 0.5,
      winner,
      consistent: true,
      lengths: [1, 1],
    }))

  test('agreement is alpha over the same pairs; a judgement without a verdict is a gap', () => {
    const first = said('x', ['first', 'second', 'tie', 'first'])
    const second = said('y', ['first', 'second', 'first', 'first'])
    const { consistent: _, ...gap } = said('z', ['second'])[0]!
    expect(panelAgreement([...first, ...second, gap])).toBeCloseTo(
      krippendorffAlpha([
        ['first', 'first', undefined],
        ['second', 'second', undefined],
        ['tie', 'first', undefined],
        ['first', 'first', undefined],
      ]),
      12,
    )
    expect(panelAgreement([...first, ...said('y', ['first', 'second', 'tie', 'first'])])).toBe(1)
  })

  test('a judge that prefers its own answers is found out; one that agrees with the others is not', () => {
    const rng = new RandomStream(6)
    const truth = range(80).map(() => (rng.uniform() < 0.5 ? 'first' : 'second') as PairJudgement['winner'])
    const noisy = () => truth.map((winner) => (rng.uniform() < 0.85 ? winner : 'tie'))
    const vain = noisy().map((winner) => (rng.uniform() < 0.4 ? 'first' : winner))
    const judgements = [...said('vain', vain), ...said('fair', noisy()), ...said('other', noisy())]
    const [found, fair] = selfPreference(judgements, { vain: 'a', fair: 'b' })
    expect(found).toMatchObject({ judge: 'vain', arm: 'a', pairs: 80, clear: true })
    expect(found!.difference).toBeGreaterThan(0.1)
    expect(found!.difference).toBeCloseTo(found!.own - found!.others, 12)
    expect(fair).toMatchObject({ judge: 'fair', arm: 'b', clear: false })
    expect(selfPreference(said('alone', truth), { alone: 'a' })).toEqual([])
  })

  test('summaries are of one pair of arms', () => {
    expect(() => summarisePairs([])).toThrow('no judgements')
    expect(() => summarisePairs([...said('x', ['tie']), ...said('x', ['tie'], ['a', 'c'])])).toThrow(
      'judgements of a and b only',
    )
  })
})

test('the prompt shows the reference, the choices and the conversation', () => {
  const [, user] = pairwisePrompt(
    { id: 'q', text: 'Which?', choices: ['red', 'blue'], answer: 'B', history: [{ role: 'user', content: 'Hello' }] },
    'It is A',
    'It is B',
  )
  for (const part of ['A. red', 'B. blue', 'reference answer]\nB', 'user: Hello']) expect(user!.content).toContain(part)
})
