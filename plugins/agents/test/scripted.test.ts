// Scripted agents against what their description says in closed form, within four standard errors.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChatFailure, type ChatModel, type ChatRequest, type Question, secretsFrom } from '@mixlab/agents'
import { pluginConfiguration, RandomStream } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import { scripted, scriptedAnswers, type ScriptedAnswersOptions, scriptedModel, scriptedTokens } from '../src/index.ts'

const count = 4000
const questions: readonly Question[] = Array.from({ length: count }, (_, n) => ({
  id: String(n),
  text: `Question ${n}: how many?`,
  answer: String(7 * n),
}))

const ask = ({ text }: Question, more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: 'user', content: `Answer this.\n${text}\nEnd with #### and the number.` }],
  ...more,
})

const settings = (call = '', signal = new AbortController().signal) => ({
  signal,
  ...(call !== '' && { rng: new RandomStream(3, call) }),
})

const agent = (name: string, options: Partial<ScriptedAnswersOptions> = {}): ChatModel =>
  scriptedModel({ name, text: scriptedAnswers({ questions, accuracy: 0.7, ...options }) })

const answersOf = async (model: ChatModel, request: (question: Question) => ChatRequest = ask): Promise<string[]> =>
  Promise.all(questions.map(async (question) => (await model.generate(request(question), settings())).text))

const rights = (texts: readonly string[]): number[] => texts.map((text, n) => (text === `#### ${7 * n}` ? 1 : 0))

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

const standardError = (share: number): number => Math.sqrt((share * (1 - share)) / count)

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  const covariance = mean(a.map((value, n) => (value - meanA) * (b[n]! - meanB)))
  return covariance / Math.sqrt(meanA * (1 - meanA) * meanB * (1 - meanB))
}

describe('scriptedAnswers', () => {
  test.each([0, 0.6, 1])(
    'with correlation %d the accuracy holds, and two agents’ being right correlates by its square',
    async (rho) => {
      const a = rights(await answersOf(agent('a', { correlation: rho })))
      const b = rights(await answersOf(agent('b', { correlation: rho })))
      expect(Math.abs(mean(a) - 0.7)).toBeLessThan(4 * standardError(0.7))
      expect(Math.abs(correlation(a, b) - rho ** 2)).toBeLessThan(4 / Math.sqrt(count))
    },
  )

  test('agents of different groups have no draw in common', async () => {
    const a = rights(await answersOf(agent('a', { correlation: 1, group: 'one' })))
    const b = rights(await answersOf(agent('b', { correlation: 1, group: 'two' })))
    expect(Math.abs(correlation(a, b))).toBeLessThan(4 / Math.sqrt(count))
  })

  test('a majority of three is right as the binomial formula says, and as the model of correlation says', async () => {
    for (const rho of [0, 0.5]) {
      const votes = await Promise.all(
        ['a', 'b', 'c'].map(async (name) => rights(await answersOf(agent(name, { correlation: rho })))),
      )
      const right = mean(questions.map((_, n) => (votes.reduce((sum, vote) => sum + vote[n]!, 0) >= 2 ? 1 : 0)))
      const p = 0.7
      // k followers are right or wrong together; the others need to make up a majority by themselves.
      const two = 3 * p ** 2 * (1 - p) + p ** 3
      const oneFollower = two
      const twoFollowers = p
      const expected =
        (1 - rho) ** 3 * two +
        3 * rho * (1 - rho) ** 2 * oneFollower +
        (3 * rho ** 2 * (1 - rho) + rho ** 3) * twoFollowers
      expect(Math.abs(right - expected)).toBeLessThan(4 * standardError(expected))
    }
  })

  test('wrong answers are as many as asked, and equally likely', async () => {
    const texts = await answersOf(agent('a', { accuracy: 0, wrongAnswers: 4 }))
    const offsets = texts.map((text, n) => Number(text.slice(5)) - 7 * n)
    for (const offset of [1, 2, 3, 4])
      expect(Math.abs(mean(offsets.map((each) => (each === offset ? 1 : 0))) - 0.25)).toBeLessThan(
        4 * standardError(0.25),
      )
  })

  test('a sycophant says what most of the references say', async () => {
    const withReferences = (question: Question): ChatRequest => ({
      messages: [
        { role: 'system', content: 'Answers of others:\n1. #### 1 no\n2. So #### 3x\n' },
        ...ask(question).messages,
        { role: 'assistant', content: `#### ${Number(question.answer) + 2}` },
        {
          role: 'user',
          content: `They say #### ${Number(question.answer) + 1}. And #### ${Number(question.answer) + 1}`,
        },
      ],
    })
    const texts = await answersOf(agent('a', { sycophancy: 0.4, wrongAnswers: 2 }), withReferences)
    // Without yielding it is wrong in that way with probability 0.3 / 2.
    const expected = 0.4 + 0.6 * 0.15
    const share = mean(texts.map((text, n) => (text === `#### ${7 * n + 1}` ? 1 : 0)))
    expect(Math.abs(share - expected)).toBeLessThan(4 * standardError(expected))
  })

  test('accuracy by group, formats, letters, lengths and confidences', async () => {
    const choice: Question = { id: 'c', text: 'Which of them?', answer: 'B', choices: ['x', 'y', 'z'], group: 'law' }
    const options = { questions: [choice], accuracy: { law: 0, art: 1 }, wrongAnswers: 9, format: 'It is ({answer}).' }
    const model = scriptedModel({
      name: 'm',
      text: scriptedAnswers({ ...options, tokens: 30, confidence: { right: 0.9, wrong: 0.5 } }),
    })
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        model.generate(ask(choice, { logProbabilities: 0 }), settings(`call/${n}`)),
      ),
    )
    expect(new Set(replies.map(({ text }) => text.slice(-2 - 'It is (A)'.length + 1)))).toEqual(
      new Set(['It is (A).', 'It is (C).']),
    )
    expect(replies[0]!.usage).toEqual({ inputTokens: 11, outputTokens: 30 })
    expect(replies[0]!.logProbabilities).toHaveLength(30)
    expect(replies[0]!.logProbabilities![0]!.logProbability).toBeCloseTo(Math.log(0.5), 12)
    expect(() => scriptedAnswers({ ...options, accuracy: { art: 1 } })).toThrow('question c has the group law')
    const short = await model.generate(ask(choice, { maxTokens: 5, logProbabilities: 0 }), settings())
    expect(short).toMatchObject({ finishReason: 'length', usage: { outputTokens: 5 } })
  })

  test('a prompt without a known question is refused', async () => {
    const request = { messages: [{ role: 'user' as const, content: 'Which is better, A or B?' }] }
    await expect(agent('a').generate(request, settings())).rejects.toMatchObject({ kind: 'invalid-request' })
  })
})

describe('scriptedModel', () => {
  test('the same call has the same reply whatever came before; another sample has another; a seed keeps it', async () => {
    const question = questions[5]!
    const samples = async (model: ChatModel, request: ChatRequest): Promise<string[]> =>
      Promise.all(Array.from({ length: 40 }, async (_, n) => (await model.generate(request, settings(`s/${n}`))).text))
    const varied = await samples(agent('a'), ask(question))
    expect(new Set(varied).size).toBe(2)
    const model = agent('a')
    await answersOf(model)
    expect(await samples(model, ask(question))).toEqual(varied)
    expect(new Set(await samples(agent('a'), ask(question, { seed: 4 }))).size).toBe(1)
  })

  test('tries of one call, told apart by their step: what it says is the same, whether it fails is drawn anew', async () => {
    const model = agent('a')
    const failing = scriptedModel({ name: 'f', text: () => 'well', failures: { server: 0.5 } })
    const fates = new Set<string>()
    for (let call = 0; call < 40; call++) {
      const tries = [0, 1, 2, 3].map((n) => ({ ...settings(`call/${call}`), rng: settings(`call/${call}`).rng!.at(n) }))
      const texts = await Promise.all(tries.map(async (each) => (await model.generate(ask(questions[3]!), each)).text))
      expect(new Set(texts).size).toBe(1)
      const ended: string[] = []
      for (const each of tries)
        ended.push(
          await failing.generate(ask(questions[3]!), each).then(
            ({ text }) => text,
            () => 'failed',
          ),
        )
      fates.add(ended.join(' '))
    }
    // All sixteen are equally likely; the tries before do not decide the next.
    expect(fates.size).toBeGreaterThan(11)
  })

  test('latency to the first token, then a pace', async () => {
    const text = Array.from({ length: 50 }, (_, n) => `w${n}`).join(' ')
    const model = scriptedModel({ name: 'm', text: () => text, latencyMs: { min: 40, max: 60 }, msPerToken: 2 })
    const begin = performance.now()
    const times: number[] = []
    for await (const piece of model.stream(ask(questions[0]!), settings())) {
      times.push(performance.now() - begin)
      if (piece.type === 'reply') expect(piece.reply.text).toBe(text)
    }
    expect(times[0]).toBeGreaterThan(39)
    expect(times[0]).toBeLessThan(1000)
    expect(times.at(-1)!).toBeGreaterThan(40 + 49 * 2 - 3)
    expect(times.at(-1)!).toBeLessThan(60 + 49 * 2 + 2000)
  })

  test('fails with the given probability, and another try has another fate', async () => {
    const model = scriptedModel({
      name: 'm',
      text: () => 'one two three four',
      failures: { 'rate-limit': 0.3, truncated: 0.2 },
      retryAfterMs: 9,
    })
    const outcome = async (question: Question): Promise<string> => {
      let text = ''
      try {
        for await (const piece of model.stream(ask(question), settings())) if (piece.type === 'text') text += piece.text
      } catch (error) {
        if (!ChatFailure.is(error)) throw error
        if (error.kind === 'rate-limit') expect(error.retryAfterMs).toBe(9)
        return `${error.kind}: ${text}`
      }
      return text
    }
    const first = await Promise.all(questions.map(outcome))
    const share = (texts: readonly string[], text: string): number => mean(texts.map((each) => (each === text ? 1 : 0)))
    expect(Math.abs(share(first, 'rate-limit: ') - 0.3)).toBeLessThan(4 * standardError(0.3))
    expect(Math.abs(share(first, 'truncated: one two') - 0.2)).toBeLessThan(4 * standardError(0.2))
    const failed = questions.filter((_, n) => first[n] !== 'one two three four')
    const second = await Promise.all(failed.map(outcome))
    expect(Math.abs(share(second, 'one two three four') - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / failed.length))
  })

  test('an aborted signal ends it with its reason, in every state; a deaf one goes on', async () => {
    for (const failures of [{}, { timeout: 1 }, { endless: 1 }]) {
      const model = scriptedModel({ name: 'm', text: () => 'a b', latencyMs: 30, msPerToken: 1000, failures })
      const abort = new AbortController()
      setTimeout(() => abort.abort(new Error('enough')), 60)
      await expect(model.generate(ask(questions[0]!), settings('', abort.signal))).rejects.toThrow('enough')
    }
    const deaf = scriptedModel({ name: 'm', text: () => 'a b', latencyMs: 50, deaf: true })
    expect((await deaf.generate(ask(questions[0]!), settings('', AbortSignal.abort()))).text).toBe('a b')
  })

  test('tokens joined are the text', () => {
    for (const text of ['', ' ', ' a  b\n\nc ', 'x\n']) expect(scriptedTokens(text).join('')).toBe(text)
  })
})

test('the plugin reads its questions from a file; what decides its replies is in its name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'scripted-'))
  try {
    const path = join(folder, 'questions.jsonl')
    await writeFile(path, '{"question": "Eggs?", "answer": "3 + 4 = 7 #### 7"}\n')
    const create = async (more: object): Promise<ChatModel> =>
      scripted.create(pluginConfiguration(scripted, { answers: path, ...more }), {
        ...secretsFrom({}),
        rng: new RandomStream(0),
      } as never)
    const right = await create({ accuracy: 1 })
    const wrong = await create({ accuracy: 0 })
    const request = { messages: [{ role: 'user' as const, content: 'Eggs?' }] }
    expect((await right.generate(request, settings())).text).toBe('#### 7')
    expect((await wrong.generate(request, settings())).text).toBe('#### 8')
    expect(right.model).not.toBe(wrong.model)
    expect((await create({ accuracy: 1 })).model).toBe(right.model)
    expect(() => pluginConfiguration(scripted, { answers: path, format: 'x' })).toThrow('expected {answer} in it')
    expect(() => pluginConfiguration(scripted, { answers: path, failures: { timeout: 0.7, server: 0.7 } })).toThrow(
      'at most 1',
    )
    expect(() => pluginConfiguration(scripted, { answers: path, failures: { tired: 0.7 } })).toThrow()
  } finally {
    await rm(folder, { recursive: true })
  }
})
