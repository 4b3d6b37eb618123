// Our own models as agents: against our own generation, against transformers' recorded continuation, and what they leave
// behind in memory.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { ChatModel } from '@mixlab/agents'
import { RandomStream, token, type PluginTable } from '@mixlab/core'
import { byteTokenizer, characterTokenizer } from '@mixlab/data'
import { generate, type LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSafetensors } from '../../../packages/checkpoints/src/index.ts'
import { lastCheckpoint, quiet, trainIn } from '../../../packages/training/test/runs.ts'
import { corpus } from '../../../packages/training/test/tiny.ts'
import { mixlab, ownModel } from '../src/index.ts'
import { ask, build, llamaShape, never, plugins, startEngine, streamed, temporaryFolder } from './models.ts'

beforeAll(() => startEngine('cpu'))

const create = (config: object): Promise<ChatModel> =>
  Promise.resolve(mixlab.create(mixlab.config.parse(config), { rng: new RandomStream(1), plugins } as never))

describe('a model in memory', () => {
  let model: LanguageModel
  let chat: ChatModel
  beforeAll(async () => {
    model = build(llamaShape, byteTokenizer.size)
    chat = await ownModel({ name: 'tiny', model, tokenizer: byteTokenizer })
  })
  afterAll(() => model.dispose())

  test('says what our generation says, piece by piece, and counts its tokens', async () => {
    const prompt = 'a great while'
    const settings = { maxTokens: 24, temperature: 0.8, topP: 0.9, seed: 5 }
    const tokens = await generate(model, [...byteTokenizer.encode(prompt)], { ...settings, stop: [0] })
    const { pieces, reply } = await streamed(chat, ask(prompt, settings))
    expect(reply.text).toBe(byteTokenizer.decode(tokens))
    expect(pieces.join('')).toBe(reply.text)
    expect(pieces.length).toBeGreaterThan(5)
    expect(reply.usage).toEqual({
      inputTokens: prompt.length,
      cachedInputTokens: 0,
      outputTokens: tokens.length,
      reasoningTokens: 0,
    })
    expect(reply.finishReason).toBe(tokens.length === 24 ? 'length' : 'stop')
    expect(await chat.generate(ask(prompt, settings), { signal: never })).toEqual(reply)
    expect((await chat.generate(ask(prompt, { ...settings, seed: 6 }), { signal: never })).text).not.toBe(reply.text)
  })

  test('draws from the call’s random numbers where the request has no seed', async () => {
    const request = ask('it raineth', { maxTokens: 12 })
    const text = async (seed: number) =>
      (await chat.generate(request, { signal: never, rng: new RandomStream(seed) })).text
    expect(await text(1)).toBe(await text(1))
    expect(await text(1)).not.toBe(await text(2))
  })

  test('several at once say what each says alone', async () => {
    const requests = [1, 2, 3, 4].map((seed) => ask('every day', { maxTokens: 16, seed }))
    const alone: string[] = []
    for (const request of requests) alone.push((await chat.generate(request, { signal: never })).text)
    const together = await Promise.all(requests.map((request) => chat.generate(request, { signal: never })))
    expect(together.map(({ text }) => text)).toEqual(alone)
  })

  test('log-probabilities are those of the whole distribution, before temperature', async () => {
    const request = ask('the wind', { maxTokens: 6, temperature: 0.5, seed: 3, logProbabilities: 256 })
    const { reply } = await streamed(chat, request)
    const tokens = await generate(model, [...byteTokenizer.encode('the wind')], {
      maxTokens: 6,
      temperature: 0.5,
      seed: 3,
      stop: [0],
    })
    const all = [...byteTokenizer.encode('the wind'), ...tokens]
    const wanted = tf.tidy(() => {
      const { logits } = model.forward(tf.tensor2d(all, [1, all.length], 'int32'), { training: false })
      return tf.logSoftmax(logits).arraySync() as number[][]
    })
    expect(reply.logProbabilities).toHaveLength(tokens.length)
    for (const [index, { logProbability, alternatives }] of reply.logProbabilities!.entries()) {
      const row = wanted[all.length - tokens.length + index - 1]!
      expect(logProbability).toBeCloseTo(row[tokens[index]!]!, 4)
      expect(alternatives).toHaveLength(256)
      expect(alternatives![0]!.logProbability).toBeCloseTo(Math.max(...row), 4)
      expect(alternatives!.reduce((sum, one) => sum + Math.exp(one.logProbability), 0)).toBeCloseTo(1, 5)
    }
    const own = await chat.generate({ ...request, logProbabilities: 0 }, { signal: never })
    expect(own.logProbabilities!.every(({ alternatives }) => alternatives === undefined)).toBe(true)
  })

  test('ends at a stop string and says so; says what it could not do', async () => {
    const whole = await chat.generate(ask('hey', { maxTokens: 20, seed: 1 }), { signal: never })
    const stop = whole.text.slice(6, 9)
    const cut = await chat.generate(ask('hey', { maxTokens: 20, seed: 1, stop: [stop] }), { signal: never })
    expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)))
    expect(cut.finishReason).toBe('stop')
    expect(cut.usage.outputTokens).toBeLessThan(whole.usage.outputTokens!)
    const warned = await chat.generate(ask('x'.repeat(70), { maxTokens: 1, responseSchema: {} }), { signal: never })
    expect(warned.warnings).toEqual([
      'the prompt has 70 tokens: the model reads the last 64',
      'responseSchema: the model cannot be held to a schema',
    ])
  })

  test('a wrong request is a failure of the call', async () => {
    const reject = (request: object) => expect(chat.generate(ask('a', request), { signal: never })).rejects
    await reject({ temperature: -1 }).toMatchObject({ kind: 'invalid-request', retryable: false })
    const characters = await ownModel({ name: 'abc', model, tokenizer: characterTokenizer(['a', 'b']) })
    await expect(characters.generate(ask('xyz'), { signal: never })).rejects.toMatchObject({ kind: 'invalid-request' })
    expect([characters.countTokens!('ab'), characters.countTokens!('xyz')]).toEqual([2, 3])
    await expect(characters.generate(ask(''), { signal: never })).rejects.toThrow('the prompt is empty')
  })

  test('templates', async () => {
    const prompt = { system: '<s>{content}</s>', user: '<u>{content}</u>', assistant: '<a>{content}</a>', reply: '<a>' }
    const formatted = await ownModel({ name: 'tiny', model, tokenizer: byteTokenizer, prompt })
    const messages = [
      { role: 'system', content: 'S $& ' },
      { role: 'user', content: 'U' },
      { role: 'assistant', content: 'A' },
      { role: 'user', content: 'V' },
    ] as const
    const plain = await chat.generate(ask('<s>S $& </s><u>U</u><a>A</a><u>V</u><a>', { maxTokens: 8, seed: 2 }), {
      signal: never,
    })
    expect(await formatted.generate({ messages, maxTokens: 8, seed: 2 }, { signal: never })).toEqual(plain)
  })

  test('cancellation ends between two tokens with the signal’s reason', async () => {
    const reason = new Error('not needed any more')
    const controller = new AbortController()
    const pieces: string[] = []
    const reading = (async () => {
      for await (const chunk of chat.stream(ask('rain', { maxTokens: 5000, seed: 1, temperature: 2 }), {
        signal: controller.signal,
      })) {
        pieces.push(chunk.type)
        if (pieces.length === 3) controller.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    expect(pieces).toEqual(['text', 'text', 'text'])
    // Nobody reads the pieces of this one: a timer must have its turn.
    const started = performance.now()
    await expect(
      chat.generate(ask('rain', { maxTokens: 100_000, seed: 1 }), { signal: AbortSignal.timeout(50) }),
    ).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test('no tensor is left behind: by replies, by aborted ones, by readers that leave', async () => {
    const request = ask('the rain', { maxTokens: 10, seed: 1 })
    await chat.generate(request, { signal: never })
    const before = tf.memory().numTensors
    await chat.generate({ ...request, logProbabilities: 3 }, { signal: never })
    for await (const _ of chat.stream(request, { signal: never })) break
    const controller = new AbortController()
    const aborted = chat.generate({ ...request, maxTokens: 1000 }, { signal: controller.signal })
    setTimeout(() => controller.abort(), 20)
    await expect(aborted).rejects.toThrow()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('the name changes with the weights', async () => {
    using other = build(llamaShape, byteTokenizer.size, 2)
    using same = build(llamaShape, byteTokenizer.size)
    const named = async (each: LanguageModel) =>
      (await ownModel({ name: 'tiny', model: each, tokenizer: byteTokenizer })).model
    expect(await named(same)).toBe(chat.model)
    expect(await named(other)).not.toBe(chat.model)
    expect(chat.model).toMatch(/^tiny@[0-9a-f]{12}$/)
  })
})

describe('the plugin', () => {
  test('loads the last checkpoint of a run, with its tokenizer', async () => {
    let wanted = ''
    const { path } = await trainIn({
      config: { ...quiet, steps: 30, learningRate: 0.01 },
      after: async (model) => {
        const prompt = [...corpus.tokenizer.encode('the rain')]
        wanted = corpus.tokenizer.decode(await generate(model, prompt, { maxTokens: 12, temperature: 0 }))
      },
    })
    const before = tf.memory().numTensors
    const chat = await create({ path, temperature: 0 })
    const { reply, pieces } = await streamed(chat, ask('the rain', { maxTokens: 12 }))
    expect(reply.text).toBe(wanted)
    expect(pieces.join('')).toBe(wanted)
    await chat[Symbol.asyncDispose]!()
    expect(tf.memory().numTensors).toBe(before)

    const folder = join(path, 'checkpoints', 'step-00000030')
    expect((await create({ path: folder })).model.split('@')[1]).toBe(chat.model.split('@')[1])
    const file = lastCheckpoint(path)['model.safetensors']!
    file[file.length - 1]! ^= 1
    writeFileSync(join(folder, 'model.safetensors'), file)
    await expect(create({ path })).rejects.toThrow('has been changed')
    rmSync(join(folder, 'model.json'))
    await expect(create({ path })).rejects.toThrow('has no model.json')
  })

  test('continues as transformers does', async () => {
    const fixture = fileURLToPath(new URL('../../../tests/fixtures/hf/llama', import.meta.url))
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(join(fixture, 'expected.safetensors'))))
    const greedy = Array.from(tensors.get('greedy')!.values)
    // The fixture has no tokenizer: one character for each of its 101 ids.
    const characters = Array.from({ length: 101 }, (_, id) => String.fromCodePoint(0x4e00 + id))
    const tokenizer = join(temporaryFolder(), 'tokenizer.json')
    writeFileSync(tokenizer, JSON.stringify(characterTokenizer(characters).toJSON()))
    const chat = await create({ path: fixture, tokenizer, temperature: 0 })
    const text = (ids: readonly number[]) => ids.map((id) => characters[id]).join('')
    const reply = await chat.generate(ask(text(greedy.slice(0, 5)), { maxTokens: 10 }), { signal: never })
    expect(reply.text).toBe(text(greedy.slice(5)))
    await chat[Symbol.asyncDispose]!()
  })

  test('says what is missing', async () => {
    const refuse = (path: string, message: string) => expect(create({ path })).rejects.toThrow(message)
    await refuse('/nowhere', 'agent mixlab: /nowhere does not exist; give a checkpoint')
    await refuse(temporaryFolder(), 'is neither a checkpoint (state.json) nor a Hugging Face folder (config.json)')
    const fixture = (name: string) => fileURLToPath(new URL(`../../../tests/fixtures/hf/${name}`, import.meta.url))
    await refuse(fixture('gpt2'), 'holds a model of the family "gpt2", expected llama or qwen3')
    await refuse(fixture('llama'), 'tokenizer.json does not exist; set tokenizer')
    expect(mixlab.needs).toEqual({ plugins: token<PluginTable>('plugins') })
  })
})
