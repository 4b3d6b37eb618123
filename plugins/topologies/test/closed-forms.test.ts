// Votes and cascades of agents whose accuracy and correlation are known, against what probability says. A question's right
// answer is `yes`, everything else is `no`. Differences are held to four standard errors; draws are keyed, so that the
// figures are the same in every run.
import { type Call, planTopology } from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import { expect, test } from 'vitest'
import { ask, preset, type Reply } from './ask.ts'

const QUESTIONS = 2000

/** One sample of one agent: the same whatever else is asked. */
const draw = ({ question, agent, sample }: Call, what = 'answer') =>
  new RandomStream(7, `${question}/${agent}/${sample}/${what}`).uniform()
/** What all samples of a question share. */
const shared = ({ question }: Call, what: string) => new RandomStream(7, `${question}/${what}`)

const answer = (right: boolean): Reply => (right ? 'I say yes' : 'I say no')

/** Accuracies by agent; samples are independent given the question. */
const independent = (accuracy: Readonly<Record<string, number>>) => (call: Call) =>
  answer(draw(call) < accuracy[call.agent]!)

/** With probability `rho` all samples of a question follow one shared draw, else each its own. */
const commonCause = (accuracy: Readonly<Record<string, number>>, rho: number) => (call: Call) => {
  const common = shared(call, 'cause')
  const follows = common.uniform() < rho
  return answer((follows ? common.uniform() : draw(call)) < accuracy[call.agent]!)
}

/** Each question has an accuracy of its own, Beta(a, b) with whole a and b: the a-th smallest of a + b − 1 uniforms. */
const betaBinomial = (a: number, b: number) => (call: Call) => {
  const rng = shared(call, 'difficulty')
  const uniforms = Array.from({ length: a + b - 1 }, () => rng.uniform()).toSorted((one, two) => one - two)
  return answer(draw(call) < uniforms[a - 1]!)
}

const parse = (text: string) => /yes|no/.exec(text)?.[0]

async function measure(
  name: string,
  fields: object,
  script: (call: Call) => Reply,
  agents: readonly string[] = ['a', 'b'],
) {
  const made = preset(name, fields, agents)
  const plan = planTopology(made, { agents: {}, questionTokens: 10 })
  let right = 0
  let calls = 0
  for (let index = 0; index < QUESTIONS; index++) {
    const { result } = await ask(made, script, { question: { id: `q${index}`, text: 'Yes or no?' }, index, parse })
    if (parse(result.answer!) === 'yes') right++
    calls += result.calls.length
    expect(result.calls.length).toBeGreaterThanOrEqual(plan.calls.min)
    expect(result.calls.length).toBeLessThanOrEqual(plan.calls.max)
  }
  return { accuracy: right / QUESTIONS, calls: calls / QUESTIONS }
}

const near = (measured: number, expected: number, deviation = Math.sqrt(expected * (1 - expected))) =>
  expect(Math.abs(measured - expected)).toBeLessThan((4 * deviation) / Math.sqrt(QUESTIONS) + 1e-12)

const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k)
const binomial = (n: number, k: number, p: number) => choose(n, k) * p ** k * (1 - p) ** (n - k)
/** P(the majority is right); a tie goes to the first answer, which is right in half of the ties. */
const majority = (n: number, pmf: (k: number) => number) =>
  Array.from({ length: n + 1 }, (_, k) => (2 * k > n ? 1 : 2 * k === n ? 0.5 : 0) * pmf(k)).reduce(
    (sum, p) => sum + p,
    0,
  )
const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
const beta = (a: number, b: number) => (factorial(a - 1) * factorial(b - 1)) / factorial(a + b - 1)

test.each([
  [1, 0.6],
  [3, 0.6],
  [4, 0.7],
  [9, 0.65],
  [5, 0.4],
])('the majority of %i independent samples of accuracy %f', async (samples, p) => {
  const { accuracy } = await measure('self-consistency', { samples }, independent({ a: p }))
  near(
    accuracy,
    majority(samples, (k) => binomial(samples, k, p)),
  )
})

test('the majority of agents of different accuracy', async () => {
  const p = { a: 0.6, b: 0.7, c: 0.8 }
  const { accuracy } = await measure('more-agents', { agents: ['a', 'b', 'c'], samples: 3 }, independent(p), [
    'a',
    'b',
    'c',
  ])
  const { a, b, c } = p
  near(accuracy, a * b * c + a * b * (1 - c) + a * (1 - b) * c + (1 - a) * b * c)
})

test.each([0, 0.3, 1])('a common cause with probability %f', async (rho) => {
  const { accuracy } = await measure('self-consistency', { samples: 7 }, commonCause({ a: 0.65 }, rho))
  near(accuracy, rho * 0.65 + (1 - rho) * majority(7, (k) => binomial(7, k, 0.65)))
})

test('questions of different difficulty: the beta-binomial majority, well below the binomial one', async () => {
  const [a, b, n] = [3, 2, 9]
  const { accuracy } = await measure('self-consistency', { samples: n }, betaBinomial(a, b))
  const expected = majority(n, (k) => (choose(n, k) * beta(k + a, n - k + b)) / beta(a, b))
  near(accuracy, expected)
  expect(majority(n, (k) => binomial(n, k, a / (a + b))) - expected).toBeGreaterThan(0.05)
})

test('unparseable answers have no vote', async () => {
  const [n, p, lost] = [3, 0.7, 0.3]
  const script = (call: Call) => (draw(call, 'lost') < lost ? 'Who can tell?' : independent({ a: p })(call))
  const { accuracy } = await measure('self-consistency', { samples: n }, script)
  // Of m that can be parsed, the majority; of none, no answer is right.
  const expected = [1, 2, 3].reduce(
    (sum, m) => sum + binomial(n, m, 1 - lost) * majority(m, (k) => binomial(m, k, p)),
    0,
  )
  near(accuracy, expected)
})

test.each([0, 0.4])('a cascade by agreement of 3, with a common cause with probability %f', async (rho) => {
  const [p, strong] = [0.7, 0.9]
  const script = commonCause({ a: p, b: strong }, rho)
  const { accuracy, calls } = await measure('frugal-gpt', { samples: 3, threshold: 1 }, script)
  const agree = p ** 3 + (1 - p) ** 3
  // Where all follow one draw, the three agree, and the cascade ends.
  near(accuracy, rho * p + (1 - rho) * (p ** 3 + (1 - agree) * strong))
  const asked = (1 - rho) * (1 - agree)
  near(calls, 3 + asked, Math.sqrt(asked * (1 - asked)))
})

test('a cascade that two of three satisfy is a majority vote', async () => {
  const { accuracy, calls } = await measure('frugal-gpt', { samples: 3, threshold: 0.6 }, independent({ a: 0.7, b: 1 }))
  near(
    accuracy,
    majority(3, (k) => binomial(3, k, 0.7)),
  )
  expect(calls).toBe(3)
})

test('a cascade by calibrated log-probabilities', async () => {
  const [threshold, strong] = [0.6, 0.8]
  const script = (call: Call): Reply => {
    if (call.agent === 'b') return answer(draw(call) < strong)
    const confidence = draw(call, 'confidence')
    // Two tokens, whose geometric mean is the confidence.
    const logProbabilities = [Math.log(confidence) * 1.5, Math.log(confidence) * 0.5]
    return { text: answer(draw(call) < confidence) as string, logProbabilities }
  }
  const { accuracy, calls } = await measure('frugal-gpt', { scorer: 'log-probability', threshold }, script)
  // Confidence is uniform: ∫ c dc from the threshold on, and the strong agent below it.
  near(accuracy, (1 - threshold ** 2) / 2 + threshold * strong)
  near(calls, 1 + threshold, Math.sqrt(threshold * (1 - threshold)))
})

test('a cascade by a verifier of known errors', async () => {
  const [p, strong, hit, slip] = [0.6, 0.85, 0.9, 0.25]
  const script = (call: Call): Reply => {
    if (!call.step.endsWith('verifier')) return independent({ a: p, b: strong })(call)
    const right = call.request.messages.at(-1)!.content.includes('I say yes')
    return draw(call, 'verdict') < (right ? hit : slip) ? 'Looks right. [[90]]' : 'Doubtful. [[20]]'
  }
  const fields = { tiers: ['a', 'b'], scorer: 'verifier', verifier: 'c', threshold: 0.5 }
  const { accuracy, calls } = await measure('frugal-gpt', fields, script, ['a', 'b', 'c'])
  const accepted = p * hit + (1 - p) * slip
  near(accuracy, p * hit + (1 - accepted) * strong)
  near(calls, 2 + (1 - accepted), Math.sqrt(accepted * (1 - accepted)))
})
