// The experiment as a whole, small: what a mixture says follows from what its members say, whatever they have learnt.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Corpus, loadCorpus, loadModel, type moa, type QuestionResult, runExperiment, tf } from 'mixlab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RandomStream } from '../../../packages/core/src/index.ts'
import { plugins } from '../../../packages/nn/test/models.ts'
import { domainCorpus } from '../domain-corpus.ts'
import experiment from '../experiment.ts'
import { wordConfidence } from '../likeliest.ts'
import { domainRouter, promptLoss } from '../perplexity-router.ts'
import { parseWord, wordQuestions } from '../questions.ts'

const specialists = ['typescript', 'javascript', 'markdown', 'json', 'licence']

let corpus: Corpus
beforeAll(async () => {
  corpus = await loadCorpus({ data: 'default', validationFraction: 0.2 })
})

test('a domain’s corpus has its documents alone, split as the whole', () => {
  const parts = corpus.domains.map((name) => domainCorpus(corpus, name))
  for (const side of ['train', 'validation'] as const) {
    const whole = corpus[side]
    const joined = Buffer.concat(parts.map((part) => Buffer.from(part[side].tokens.buffer)))
    expect(joined.equals(Buffer.from(whole.tokens.buffer))).toBe(true)
    expect(parts.reduce((sum, part) => sum + part[side].documents.length, 0)).toBe(whole.documents.length)
    for (const part of parts)
      expect([...part[side].documents.slice(1)].every((start) => part[side].tokens[start - 1] === 0)).toBe(true)
  }
})

test('questions: held-out text that breaks off within a word, and how the word goes on', () => {
  const own = domainCorpus(corpus, 'licence')
  const rng = new RandomStream(1)
  const questions = wordQuestions(own, 'licence', { count: 30, passage: 52, rng })
  const text = corpus.tokenizer.decode(own.validation.tokens)
  expect(questions).toHaveLength(30)
  for (const { text: passage, answer, group } of questions) {
    expect(text).toContain(passage + answer)
    expect(passage).toMatch(/[^A-Za-z][A-Za-z]{2}$/)
    expect(answer).toMatch(/^[A-Za-z]{3,10}$/)
    expect(Buffer.byteLength(passage)).toBeGreaterThan(20)
    expect(Buffer.byteLength(passage)).toBeLessThanOrEqual(52)
    // The word ends there.
    expect(text[text.indexOf(passage + answer) + passage.length + answer!.length]).not.toMatch(/[A-Za-z]/)
    expect(group).toMatch(/^licence\/\d+$/)
  }
  expect(wordQuestions(own, 'licence', { count: 30, passage: 52, rng: new RandomStream(1) })).toEqual(questions)
  expect([parseWord('ction('), parseWord(' x'), parseWord('é')]).toEqual(['ction', undefined, undefined])
})

test('a word’s confidence: the mean over its letters and its end', () => {
  const logProbabilities = [-1, -2, -3, -50].map((logProbability) => ({ token: '', logProbability }))
  expect(wordConfidence({ text: 'ab x', logProbabilities })).toBe(-2)
  expect(wordConfidence({ text: ' abc', logProbabilities })).toBe(-1)
})

describe('a run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-own-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let path = ''
  let tensors = 0
  const config = {
    steps: 30,
    questions: 4,
    model: { layers: 1, width: 32 },
    training: { learningRate: 0.02, evaluation: { batches: 2 } },
  }
  const run = async (options: object): Promise<string> => {
    let at = ''
    const status = await runExperiment(experiment, {
      runs: folder,
      engine: 'cpu',
      onStart: (started: { readonly path: string }) => void (at = started.path),
      ...options,
    })
    expect(status.status).toBe('finished')
    return at
  }
  const lines = <T>(arm: string, file: string, from = path): T[] =>
    readFileSync(join(from, 'children', arm, file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as T)
  const answers = (arm: string): QuestionResult[] => lines(arm, 'answers.jsonl')

  beforeAll(async () => {
    path = await run({ config })
    tensors = tf.memory().numTensors
  }, 300_000)

  test('every arm has answered every question with the calls that it should make', () => {
    const calls = (arm: string) => answers(arm).map((result) => result.calls.length)
    for (const arm of ['generalist', ...specialists, 'perplexity', 'domain'])
      expect(new Set(calls(arm))).toEqual(new Set([1]))
    for (const arm of ['vote', 'likeliest']) expect(new Set(calls(arm))).toEqual(new Set([5]))
    for (const count of calls('cascade')) expect(count).toBeLessThanOrEqual(6)
    for (const arm of readdirSync(join(path, 'children')).filter((name) => !name.startsWith('train-')))
      expect(answers(arm)).toHaveLength(20)
    // Something was learnt, or the rest would say little.
    const texts = new Set(specialists.flatMap((name) => answers(name).map(({ answer }) => answer)))
    expect(texts.size).toBeGreaterThan(20)
  })

  test('routes, votes and choices are those of the members’ own answers', () => {
    const alone = new Map(specialists.map((name) => [name, answers(name)]))
    for (const [index, { question, answer }] of answers('domain').entries())
      expect(answer, question).toBe(alone.get(question.split('-')[0]!)![index]!.answer)
    for (const [index, { steps, answer }] of answers('perplexity').entries()) {
      const { chosen, scores } = steps[0]!.decision as { chosen: [string]; scores: Record<string, number> }
      expect(scores[chosen[0]]).toBe(Math.max(...Object.values(scores)))
      expect(answer).toBe(alone.get(chosen[0])![index]!.answer)
    }
    for (const [index, { answer }] of answers('vote').entries()) {
      const words = specialists.flatMap((name) => parseWord(alone.get(name)![index]!.answer ?? '') ?? [])
      const votes = words.map((word) => words.filter((other) => other === word).length)
      if (words.length > 0) expect(parseWord(answer!)).toBe(words[votes.indexOf(Math.max(...votes))])
    }
    for (const [index, { steps, answer }] of answers('likeliest').entries()) {
      const scores = Object.entries((steps[0]!.decision as { scores: Record<string, number> }).scores)
      const best = scores.toSorted(([, a], [, b]) => b - a)[0]
      expect(answer).toBe(best ? alone.get(best[0])![index]!.answer : null)
    }
  })

  test('a call that an earlier arm has made is not made again', () => {
    const replayed = (arm: string) =>
      lines<{ type: string; replayed?: boolean }>(arm, 'events.jsonl').flatMap((event) =>
        event.type === 'agent.reply' ? [event.replayed] : [],
      )
    expect(new Set(replayed('typescript'))).toEqual(new Set([false]))
    for (const arm of ['vote', 'perplexity', 'domain']) expect(new Set(replayed(arm))).toEqual(new Set([true]))
  })

  test('the router’s loss is the passage’s mean negative log-likelihood', async () => {
    const { model, tokenizer } = await loadModel(join(path, 'children', 'train-json'), { plugins })
    const text = '{ "name": "mixlab", "version": "1.2'
    const tokens = [...tokenizer.encode(text)]
    const rows = tf.tidy(() => {
      const inputs = tf.tensor2d(tokens, [1, tokens.length], 'int32')
      return tf.logSoftmax(model.forward(inputs, { training: false }).logits).arraySync() as number[][]
    })
    const wanted = tokens.slice(1).reduce((sum, token, place) => sum - rows[place]![token]!, 0) / (tokens.length - 1)
    expect(promptLoss({ model, encode: (given) => tokenizer.encode(given) }, text)).toBeCloseTo(wanted, 4)
    model.dispose()
    expect(
      domainRouter.route({ question: { id: 'a', text, group: 'json/3' }, members: specialists, answers: [] }),
    ).toEqual({
      members: [3],
      weights: [1],
      scores: [0, 0, 0, 1, 0],
    })
  })

  test('a replay asks no model, gives the same bytes and leaves no tensor', async () => {
    const again = await run({ replay: path })
    for (const arm of ['generalist', 'vote', 'likeliest', 'cascade', 'perplexity'])
      for (const file of ['answers.jsonl', 'grades.jsonl'])
        expect(readFileSync(join(again, 'children', arm, file), 'utf8'), `${arm}/${file}`).toBe(
          readFileSync(join(path, 'children', arm, file), 'utf8'),
        )
    const replies = lines<moa.CallRecord & { type: string }>('likeliest', 'events.jsonl', again)
    expect(replies.filter(({ type, replayed }) => type === 'agent.reply' && !replayed)).toEqual([])
    expect(tf.memory().numTensors).toBe(tensors)
  }, 300_000)
})
