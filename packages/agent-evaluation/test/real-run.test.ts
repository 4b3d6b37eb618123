// From agents to a verdict: scripted agents of known accuracy answer through real presets and the real caller, the gsm8k
// grader grades, and what is found must be what the closed forms say.
import {
  type Agent,
  agentConfig,
  answerQuestion,
  createCaller,
  type Grader,
  type Question,
  type QuestionGrades,
} from '@mixlab/agents'
import { scriptedAnswers, scriptedModel } from '@mixlab/agent-models'
import { type PluginReference, pluginConfiguration, RandomStream, splitReference } from '@mixlab/core'
import { gsm8k } from '@mixlab/graders'
import { topologies } from '@mixlab/topologies'
import { binomialProbability } from '@mixlab/statistics'
import { beforeAll, describe, expect, test } from 'vitest'
import { armOf, attribute, collaboration, compareArms, layerDiversity, liftOver, votingMembers } from '../src/index.ts'

const rng = new RandomStream(42)
const questions: Question[] = Array.from({ length: 600 }, (_, index) => ({
  id: `q${index}`,
  text: `What is ${index} plus ${index % 13}?`,
  answer: String(index + (index % 13)),
}))
const accuracies = { strong: 0.8, weak: 0.6, other: 0.6 }

const agents = new Map<string, Agent>(
  Object.entries(accuracies).map(([name, accuracy]) => [
    name,
    {
      name,
      config: agentConfig.parse({ model: 'scripted' }),
      model: scriptedModel({ name, seed: 7, text: scriptedAnswers({ questions, accuracy, sycophancy: 0 }) }),
    },
  ]),
)
const grader: Grader = gsm8k.create(gsm8k.config.parse({ extract: 'strict' }), { rng } as never) as Grader

async function run(reference: PluginReference) {
  const { name, config } = splitReference(reference)
  const plugin = topologies.find((each) => each.name === name)!
  const topology = plugin.create(pluginConfiguration(plugin, config), { agents: [...agents.keys()], rng } as never)
  await using caller = createCaller({
    agents,
    signal: new AbortController().signal,
    mode: 'off',
    failures: 'retry',
    rng,
  })
  const results = await Promise.all(
    questions.map((question, index) =>
      answerQuestion({
        topology,
        question,
        index,
        call: caller.call,
        identity: (agent) => agents.get(agent)!.model,
        agents: {},
        parse: (text) => grader.parse!(text, question),
        rng,
        signal: new AbortController().signal,
      }),
    ),
  )
  const gradeOf = (question: Question, answer: string) => grader.grade({ question, answer, call: caller.call })
  const grades = await Promise.all(
    results.map(async (result): Promise<QuestionGrades> => {
      const question = questions[result.index]!
      const steps = result.steps.map(async ({ id, answers }) => [
        id,
        await Promise.all(answers.map(({ text }) => gradeOf(question, text))),
      ])
      return {
        index: result.index,
        question: question.id,
        text: question.text,
        grades: { gsm8k: await gradeOf(question, result.answer!) },
        steps: Object.fromEntries(await Promise.all(steps)) as NonNullable<QuestionGrades['steps']>,
      }
    }),
  )
  return { results, grades }
}

type Run = Awaited<ReturnType<typeof run>>
let single: Run
let vote: Run
let mixed: Run
beforeAll(async () => {
  single = await run({ name: 'single', agent: 'strong' })
  vote = await run({ name: 'self-consistency', agent: 'strong', samples: 5 })
  mixed = await run({ name: 'moa-lite', proposers: ['strong', 'weak', 'other'], aggregator: 'weak' })
}, 60_000)

const near = (value: number, expected: number) =>
  expect(Math.abs(value - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / questions.length))

/** P(at least three of five are right): wrong answers are all the same here. */
const majority = [3, 4, 5].reduce((sum, k) => sum + binomialProbability(k, 5, 0.8), 0)

test('a vote of five beats one sample as often as the binomial says, and the comparison says so', () => {
  const { pairs, arms, winner } = compareArms(
    [armOf('vote', vote.grades), armOf('single', single.grades), armOf('mixed', mixed.grades)],
    { rng },
  )
  near(arms[0]!.mean, majority)
  near(arms[1]!.mean, 0.8)
  // An aggregator that answers by itself is as good as its agent.
  near(arms[2]!.mean, 0.6)
  expect(winner).toBe('vote')
  expect(pairs.map((pair) => pair.winner)).toEqual(['vote', 'vote', 'single'])
})

test('two runs of one arm under other seeds are no winner and no loser', async () => {
  const again = new RandomStream(1)
  const noise = armOf(
    'again',
    single.grades.map((each) => ({
      ...each,
      grades: { gsm8k: again.uniform() < 0.8 ? { score: 1, correct: true } : { score: 0, correct: false } },
    })),
  )
  const [pair] = compareArms([armOf('single', single.grades), noise], { rng }).pairs
  expect(pair).not.toHaveProperty('winner')
  expect(pair!.text).toMatch(/^No winner between/)
})

describe('within the layers', () => {
  test('members are as accurate, as different and as good together as they were made', () => {
    const [layer] = layerDiversity(mixed.results, mixed.grades)
    expect(layer!.members.map(({ agent }) => agent)).toEqual(['strong', 'weak', 'other'])
    for (const [index, accuracy] of [0.8, 0.6, 0.6].entries()) near(layer!.members[index]!.mean, accuracy)
    near(layer!.oracle, 1 - 0.2 * 0.4 * 0.4)
    // 0.8 × 0.4 + 0.2 × 0.6 twice, and 2 × 0.6 × 0.4.
    near(layer!.disagreement, (0.44 + 0.44 + 0.48) / 3)
    expect(layer!.bestMember.agent).toBe('strong')
  })

  test('an aggregator that does not look loses what its members had right', () => {
    const [step] = collaboration(mixed.results, mixed.grades)
    near(step!.lost, 0.4 * (1 - 0.2 * 0.4 * 0.4))
    const lift = liftOver('layer-1/proposer-1', mixed.results, mixed.grades)!
    expect(lift.mean).toBeLessThan(0)
    expect(lift.mean + lift.halfWidth).toBeLessThan(-0.1)
  })

  test('the votes of all five are worth what the run scored; each is worth a fifth of it', async () => {
    const { members, value } = votingMembers(vote.results, vote.grades)
    expect(members).toHaveLength(5)
    expect(await value([0, 1, 2, 3, 4])).toEqual(vote.grades.map(({ grades }) => grades['gsm8k']!.score))
    const { members: values, whole } = await attribute(members, value)
    for (const { shapley, shapleyHalfWidth } of values)
      expect(Math.abs(shapley - whole / 5)).toBeLessThan(2 * shapleyHalfWidth)
  })
})
