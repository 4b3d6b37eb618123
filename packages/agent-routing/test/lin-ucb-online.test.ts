// LinUCB learning online, one question at a time, from the outcome of the agent that it chose and of no other: its regret in a
// simulation whose expected rewards are known.
import { RandomStream } from '@mixlab/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { trainRouter } from '../src/index.ts'
import { outcomesOf, routerOf, startEngine } from './support.ts'

beforeAll(startEngine)

const members = ['a', 'b', 'c']
const ROUNDS = 600

/** Expected rewards are linear: each agent is best in a third of the contexts, none is best overall. */
const contexts = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
]
const rates = [
  [0.9, 0.3, 0.3],
  [0.3, 0.9, 0.3],
  [0.3, 0.3, 0.9],
]

interface Play {
  /** Expected reward lost against the best agent of each question, summed over the first and the second half. */
  readonly regret: readonly [first: number, second: number]
}

function play(
  choose: (context: readonly number[], round: number) => number,
  learn: (...args: [readonly number[], number, number]) => void,
  seed: number,
): Play {
  const rng = new RandomStream(seed, 'play')
  const regret: [number, number] = [0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    const kind = rng.integer(3)
    const context = contexts[kind]!
    const member = choose(context, round)
    const rate = rates[kind]![member]!
    regret[round < ROUNDS / 2 ? 0 : 1] += 0.9 - rate
    learn(context, member, Number(rng.uniform() < rate))
  }
  return { regret }
}

function playLinUcb(exploration: number, seed: number): Play {
  using router = routerOf({ name: 'lin-ucb', exploration }, 3, members, seed)
  const choose = (context: readonly number[], round: number) => {
    const { questions } = outcomesOf([context], [[0, 0, 0]], members)
    return router.route(questions, { explore: true, step: round }).members[0]![0]!
  }
  const learn = (context: readonly number[], member: number, reward: number) => {
    const outcome = members.map((_, e) => (e === member ? reward : null))
    trainRouter(router, outcomesOf([context], [outcome], members), { rng: new RandomStream(1) })
  }
  return play(choose, learn, seed)
}

describe('regret against the best agent of each question', () => {
  const seeds = [1, 2, 3]

  test('is far below that of the best single agent, and stops growing', () => {
    for (const seed of seeds) {
      const { regret } = playLinUcb(1, seed)
      // Any single agent loses 0.6 in two of three questions: 0.4 · rounds. So does a random choice.
      const single = play(
        () => 0,
        () => {},
        seed,
      ).regret
      expect(single[0] + single[1]).toBeGreaterThan(0.4 * ROUNDS * 0.85)
      expect(regret[0] + regret[1]).toBeLessThan(0.15 * (single[0] + single[1]))
      expect(regret[1]).toBeLessThan(0.5 * regret[0] + 3)
    }
  })

  test('each agent’s counts keep its confidence bound: α/√(1 + n) above the ridge mean', () => {
    // With unit contexts the bound has a closed form: (Σ r + 0)/(n + 1) + α/√(n + 1).
    using router = routerOf({ name: 'lin-ucb', exploration: 2 }, 3, members)
    const outcomes = [1, 0, 1, 1]
    for (const reward of outcomes)
      trainRouter(router, outcomesOf([contexts[0]!], [[reward, null, null]], members), { rng: new RandomStream(1) })
    const { questions } = outcomesOf([contexts[0]!], [[0, 0, 0]], members)
    const [scores] = router.route(questions, { explore: true }).scores
    expect(scores![0]).toBeCloseTo(3 / 5 + 2 / Math.sqrt(5), 5)
    expect(scores![1]).toBeCloseTo(2, 5)
    expect(router.route(questions).scores[0]![0]).toBeCloseTo(3 / 5, 5)
  })

  test('without exploration it can stay with the first agent that was ever right', () => {
    // Greedy choice: unknown agents are worth 0, so that the first success is never left.
    const stuck = Array.from({ length: 6 }, (_, seed) => playLinUcb(0, seed + 1).regret)
    const explored = Array.from({ length: 6 }, (_, seed) => playLinUcb(1, seed + 1).regret)
    const total = (all: readonly (readonly [number, number])[]) => all.reduce((sum, [, second]) => sum + second, 0)
    expect(total(stuck)).toBeGreaterThan(5 * total(explored))
  })
})
