// One router plugin for experts and agents, thresholds and costs behind the port, and the mixture layer's events.
import { type MixlabEvents, RandomStream } from '@mixlab/core'
import { Mixture, mixtureConfig, normal } from '@mixlab/nn'
import type { AgentRouter, Question, RouteChoice } from '@mixlab/agents'
import { experts } from '@mixlab/experts'
import { routers } from '@mixlab/routers'
import { tf } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { agentRouter, fitThreshold, judgeThreshold, trainRouter } from '../src/index.ts'
import { meanOf, normalRows, outcomesOf, plugins, routerOf, sigmoid, startEngine } from './support.ts'

beforeAll(startEngine)

const members = ['a', 'b', 'c', 'd']

/** These routers answer at once. */
const ask = (agents: AgentRouter, question: Question, offered: readonly string[]): RouteChoice =>
  agents.route({ question, members: offered, answers: [] }) as RouteChoice

const rows = normalRows(60, 5, 3)
const questions = outcomesOf(
  rows,
  rows.map(() => [0, 0, 0, 0]),
  members,
).questions

test.each([{ name: 'top-k', k: 2 }, { name: 'noisy-top-k', k: 2 }, 'switch', { name: 'sigmoid-bias', k: 2 }])(
  '%j routes the same rows to experts and to agents alike',
  (reference) => {
    using router = routerOf(reference, 5, members)
    const config = mixtureConfig.parse({ router: reference, experts: [{ name: 'swiglu', count: 4, width: 8 }] })
    const table = {
      ...plugins,
      create: (kind: string, given: never, context: never) =>
        kind === 'router'
          ? plugins.create('router', given, context)
          : (experts.find(({ name }) => name === 'swiglu')!.create({}, context) as never),
    }
    using layer = new Mixture(new RandomStream(9), {
      width: 5,
      innerWidth: 8,
      vocabulary: 10,
      layer: 0,
      config,
      initializer: normal(0.5),
      residualInitializer: normal(0.5),
      plugins: table as never,
    })
    // The same parameters on both sides.
    for (const [name, parameter] of router.gate.parameters())
      parameter.assign(layer.parameters().get(`gate.${name}`)! as never)
    const counts = [0, 0, 0, 0]
    tf.tidy(() => {
      layer.forward({
        ...router.inputOf(tf.tensor2d(rows), questions, { training: false }),
        observe: ({ routing }) => {
          const offsets = routing.offsets.dataSync()
          for (const e of counts.keys()) counts[e] = offsets[e + 1]! - offsets[e]!
        },
      })
    })
    const events: MixlabEvents['mixture.routing'][] = []
    {
      using agents = agentRouter(router, { emit: (_, data) => events.push(data as never), every: 60 })
      const chosen = [0, 0, 0, 0]
      for (const question of questions) {
        const choice = ask(agents, question, members)
        for (const member of choice.members) chosen[member]!++
        expect(choice.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 6)
        expect(choice.weights.toSorted((x, y) => y - x)).toEqual(choice.weights)
      }
      expect(chosen).toEqual(counts)
    }
    const total = counts.reduce((sum, count) => sum + count, 0)
    const load = counts.map((count) => count / total)
    const entropy = load.reduce((sum, share) => sum - (share > 0 ? share * Math.log(share) : 0), 0) / Math.log(4)
    expect(events).toEqual([
      {
        step: 60,
        layer: 0,
        router: typeof reference === 'string' ? reference : reference.name,
        members,
        load: load.map((share) => expect.closeTo(share, 12) as number),
        entropy: expect.closeTo(entropy, 12) as number,
        maxViolation: expect.closeTo(4 * Math.max(...load) - 1, 12) as number,
        dropped: 0,
      },
    ])
  },
)

test('every router plugin whose rows choose routes agents, untrained where it can', () => {
  for (const { name, traits } of routers.filter(({ traits: { causal } }) => causal !== false)) {
    if (name === 'nearest-neighbours') continue
    using router = routerOf(name, 5, members)
    const routes = router.route(questions)
    expect(routes.members).toHaveLength(60)
    const size = name === 'dense' ? 4 : ['switch', 'hash'].includes(name) || traits['outcomes'] === true ? 1 : 2
    for (const row of routes.members) {
      expect(new Set(row).size).toBe(size)
      for (const member of row) expect(members[member]).toBeDefined()
    }
  }
})

test('noise takes part when exploring, and not else', () => {
  using router = routerOf({ name: 'noisy-top-k', k: 1, minimumNoise: 5 }, 5, members)
  const choose = (explore: boolean, step: number) => router.route(questions, { explore, step }).members
  expect(choose(false, 1)).toEqual(choose(false, 2))
  expect(choose(true, 1)).toEqual(choose(true, 1))
  expect(choose(true, 1)).not.toEqual(choose(true, 2))
})

describe('thresholds', () => {
  const all = normalRows(6000, 3, 8)
  const rng = new RandomStream(8, 'outcomes')
  const quality = all.map((row) => [sigmoid(row[0]!), sigmoid(1 + row[1]!)].map((rate) => Number(rng.uniform() < rate)))
  const part = (from: number, to: number) =>
    outcomesOf(all.slice(from, to), quality.slice(from, to), ['weak', 'strong'])
  const pair = { weak: 'weak', strong: 'strong' }

  test.each([0.1, 0.3, 0.5, 0.8])(
    'asked for a share of %f, they give it on held-out questions, within binomial error',
    (share) => {
      using router = routerOf('logistic', 3)
      trainRouter(router, part(0, 1000), { config: { passes: 5 }, rng: new RandomStream(1) })
      const threshold = fitThreshold(router, part(1000, 3000), { ...pair, share })
      const result = judgeThreshold(router, part(3000, 6000), threshold)
      // Both samples are finite: 2000 questions that it was fitted on and 3000 that it is judged by.
      const deviation = Math.sqrt(share * (1 - share) * (1 / 2000 + 1 / 3000))
      expect(Math.abs(result.share - share)).toBeLessThan(4 * deviation)
      using agents = agentRouter(router, { decision: { by: 'threshold', ...threshold } })
      const some = part(3000, 3200)
      const asked = some.questions.map((question) => {
        return ask(agents, question, router.members).members[0]!
      })
      expect(meanOf(asked)).toBe(judgeThreshold(router, some, threshold).share)
    },
  )

  test('all and none', () => {
    using router = routerOf('logistic', 3)
    trainRouter(router, part(0, 500), { config: { passes: 2 }, rng: new RandomStream(1) })
    for (const share of [0, 1])
      expect(
        judgeThreshold(router, part(3000, 3300), fitThreshold(router, part(1000, 1300), { ...pair, share })).share,
      ).toBe(share)
    expect(() => fitThreshold(router, part(1000, 1300), { ...pair, share: 1.2 })).toThrow('is 1.2, expected 0 to 1')
    expect(() => fitThreshold(router, part(1000, 1300), { weak: 'x', strong: 'strong', share: 0.5 })).toThrow(
      "the agent x is none of the router's: weak, strong",
    )
  })
})

describe('decisions behind the port', () => {
  const route = (options: Parameters<typeof agentRouter>[1], offered: readonly string[] = members) => {
    using router = routerOf({ name: 'top-k', k: 2 }, 5, members)
    const agents = agentRouter(router, options)
    return ask(agents, questions[0]!, offered)
  }

  test('by cost: a dear enough agent is not asked, at a trade-off of 0 only scores count', () => {
    const free = route({ decision: { by: 'cost', costs: { a: 9, b: 9, c: 9, d: 9 }, tradeoff: 0 } })
    expect(free.members).toEqual(route({}).members)
    const costs = Object.fromEntries(members.map((name, i) => [name, i === free.members[0] ? 1 : 0]))
    expect(route({ decision: { by: 'cost', costs, tradeoff: 2 } }).members).not.toContain(free.members[0])
    expect(() => route({ decision: { by: 'cost', costs: { a: 1 }, tradeoff: 1 } })).toThrow(
      'the cost of the agent b is missing',
    )
  })

  test('by what a router does not have', () => {
    using router = routerOf('random', 5, members)
    using agents = agentRouter(router, { decision: { by: 'cost', costs: {}, tradeoff: 1 } })
    expect(() => ask(agents, questions[0]!, members)).toThrow('a decision by cost needs scores')
  })

  test('fewer agents than the router knows, in another order', () => {
    const all = route({})
    const some = route({}, ['d', 'b'])
    expect(some.scores).toEqual([all.scores[3], all.scores[1]])
    expect(new Set(some.members)).toEqual(new Set([0, 1]))
    // The two that it would have chosen, by their places in another order.
    const turned = route({}, members.toReversed())
    expect(turned.members.map((member) => members.toReversed()[member])).toEqual(
      all.members.map((member) => members[member]),
    )
    expect(turned.weights).toEqual(all.weights)
    // Its choice is not offered: as many others, by score.
    const others = members.filter((_, i) => !all.members.includes(i))
    const second = route({}, others)
    expect(second.members).toHaveLength(2)
    expect(second.scores[second.members[0]!]).toBe(Math.max(...second.scores))
    expect(some.weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 6)
    expect(() => route({}, ['a', 'z'])).toThrow('the router does not know the agent z; it knows a, b, c, d')
  })
})
