// The recording: keys, files, torn lines, several writers, memory.
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { callKey, canonicalRequest, type ChatRequest, piecesOf, type RecordedCall, Recording } from '@mixlab/agents'
import { temporaryFolder } from './folder.ts'
import { agentOf, callerOf, callOf, chatModel, lastText, reply } from './models.ts'
import { VirtualClock } from './virtual-clock.ts'

const user = (content: string): ChatRequest => ({ messages: [{ role: 'user', content }] })
const keyOf = (request: ChatRequest, { provider = 'p', model = 'm', sample = 0 } = {}): string =>
  callKey(provider, model, canonicalRequest(request), sample)

test('the key is of provider, model, request and sample: nothing else, and nothing less', () => {
  const request: ChatRequest = { ...user('x'), temperature: 0.5, extra: { b: { d: 1, c: [2, 1] }, a: null } }
  const reordered = {
    extra: { a: null, b: { c: [2, 1], d: 1 } },
    temperature: 0.5,
    maxTokens: undefined,
    seed: null,
    messages: [{ content: 'x', role: 'user' }],
  } as unknown as ChatRequest
  expect(keyOf(reordered)).toBe(keyOf(request))
  const others = [
    keyOf(request, { provider: 'q' }),
    keyOf(request, { model: 'n' }),
    keyOf(request, { sample: 1 }),
    keyOf({ ...request, temperature: 0.6 }),
    keyOf({ ...request, maxTokens: 1 }),
    keyOf({ ...request, extra: { b: { d: 1, c: [1, 2] }, a: null } }),
    keyOf({ ...request, messages: [{ role: 'system', content: 'x' }] }),
    keyOf({ ...request, messages: [...request.messages, ...request.messages] }),
  ]
  expect(new Set([keyOf(request), ...others]).size).toBe(9)
  // Where one field ends and the next begins is part of it.
  expect(keyOf(request, { provider: 'p","m', model: '' })).not.toBe(keyOf(request, { provider: 'p', model: 'm' }))
  // A change of the key loses every recording: it is not made by accident.
  expect(keyOf({ ...user('What is 2 + 2?'), maxTokens: 16 })).toMatchInlineSnapshot(`"Lk_qvfEEupN8YDetZ3SNyC"`)
})

const recorded = (i: number, more: Partial<RecordedCall> = {}): RecordedCall => ({
  kind: 'reply',
  key: keyOf(user(`${i}`)),
  scope: '',
  id: `q${i}/s`,
  question: `q${i}`,
  step: 's',
  agent: 'a',
  provider: 'p',
  model: 'm',
  sample: 0,
  request: user(`${i}`),
  reply: reply(`reply ${i} ü\n\u2028"`),
  attempts: 1,
  timing: { queuedMs: 0, durationMs: 1, totalMs: 1 },
  cost: {
    inputTokens: 7,
    cachedInputTokens: 0,
    outputTokens: 3,
    reasoningTokens: 0,
    estimated: false,
    billed: 1e-7,
    logical: 1e-7,
    currency: 'USD',
  },
  date: '2026-01-01T00:00:00.000Z',
  ...more,
})

const find = (recording: Recording, i: number): RecordedCall | undefined => {
  const found = recording.ofCall('', `q${i}/s`, keyOf(user(`${i}`)))
  return found && recording.read(found.place)
}

test('what was written is found again, by call and by key, also by those that have it open', () => {
  const folder = temporaryFolder()
  using one = new Recording(folder, { access: 'write' })
  using two = new Recording(folder, { access: 'write' })
  one.append(recorded(1))
  two.append(recorded(2))
  one.append(recorded(3))
  expect(find(one, 1)).toMatchObject(recorded(1))
  expect(find(one, 2)).toBeUndefined()
  using later = new Recording(folder, { access: 'read' })
  expect(readdirSync(folder).toSorted()).toEqual(['calls-0001.jsonl', 'calls-0002.jsonl'])
  for (const i of [1, 2, 3]) expect(find(later, i)).toMatchObject(recorded(i))
  expect(later.spent('')).toEqual({ tokens: 30, money: expect.closeTo(3e-7, 12) as number })
  expect([...later.calls()].map(({ id }) => id)).toEqual(['q1/s', 'q3/s', 'q2/s'])
})

test('of several replies to one request the first is given to others, and a reply before a failure', () => {
  using recording = new Recording(temporaryFolder(), { access: 'write' })
  const key = keyOf(user('x'))
  const { reply: _reply, ...failed } = recorded(0, {
    key,
    kind: 'failure',
    failure: { kind: 'server', message: '500' },
  })
  const given = () => recording.read(recording.ofKey(key)!.place).id
  recording.append({ ...failed, id: 'q1/s' })
  recording.append({ ...failed, id: 'q2/s' })
  expect(given()).toBe('q2/s')
  recording.append(recorded(3, { key }))
  recording.append(recorded(4, { key }))
  recording.append({ ...failed, id: 'q5/s' })
  expect(given()).toBe('q3/s')
})

test('another process’s calls are seen a moment later', async () => {
  const folder = temporaryFolder()
  using one = new Recording(folder, { access: 'write' })
  using two = new Recording(folder, { access: 'write' })
  one.append(recorded(1))
  one.append(recorded(2))
  await new Promise((resolve) => setTimeout(resolve, 300))
  const found = two.ofKey(keyOf(user('2')))
  expect(two.read(found!.place)).toMatchObject(recorded(2))
})

test('a line that was cut anywhere is as if it had not been written, and everything before it stays', () => {
  const folder = temporaryFolder()
  {
    using recording = new Recording(folder, { access: 'write' })
    for (const i of [1, 2, 3]) recording.append(recorded(i))
  }
  const file = join(folder, 'calls-0001.jsonl')
  const whole = readFileSync(file)
  const lines = whole.toString().split('\n')
  const beforeLast = Buffer.byteLength(`${lines[0]}\n${lines[1]}\n`)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
      writeFileSync(file, whole.subarray(0, length))
      using recording = new Recording(folder, { access: 'read' })
      expect(recording.size).toBe(whole.subarray(0, length).toString().split('\n').length - 1)
    }),
  )
  writeFileSync(file, whole.subarray(0, beforeLast + 100))
  {
    using recording = new Recording(folder, { access: 'write' })
    expect(find(recording, 2)).toMatchObject(recorded(2))
    expect(find(recording, 3)).toBeUndefined()
    recording.append(recorded(3))
    expect(find(recording, 3)).toMatchObject(recorded(3))
  }
  using again = new Recording(folder, { access: 'read' })
  expect([1, 2, 3].map((i) => find(again, i)?.id)).toEqual(['q1/s', 'q2/s', 'q3/s'])
})

test('what is no recording is said in one line', () => {
  const folder = temporaryFolder()
  expect(() => new Recording(join(folder, 'none'), { access: 'read' })).toThrow(
    /^there is no recording in .*none: expected/,
  )
  {
    using recording = new Recording(folder, { access: 'write' })
    recording.append(recorded(1))
  }
  const file = join(folder, 'calls-0001.jsonl')
  const { length } = readFileSync(file)
  appendFileSync(file, '{"other":1}\n')
  expect(() => new Recording(folder, { access: 'read' })).toThrow(
    `calls-0001.jsonl is damaged at byte ${length}: expected a recorded call, found "{\\"other\\":1}"`,
  )
  truncateSync(file, length)
  using recording = new Recording(folder, { access: 'read' })
  truncateSync(file, 10)
  expect(() => find(recording, 1)).toThrow('has become shorter')
})

test('lines longer than a chunk of reading, and many short ones', () => {
  const folder = temporaryFolder()
  const long = 'ü'.repeat(5 << 20)
  {
    using recording = new Recording(folder, { access: 'write' })
    recording.append(recorded(1))
    recording.append(recorded(2, { reply: reply(long) }))
    recording.append(recorded(3))
  }
  using recording = new Recording(folder, { access: 'read' })
  expect(find(recording, 2)!.reply!.text === long).toBe(true)
  expect(find(recording, 3)).toMatchObject(recorded(3))
})

test('a reply is kept as it was, pieces with their times and log-probabilities without bounds included', async () => {
  const folder = temporaryFolder()
  const given = reply('Hello wörld', {
    reasoning: 'hm, so',
    logProbabilities: [
      { token: 'Hello', logProbability: -Infinity, alternatives: [{ token: '\ud83d', logProbability: -0.5 }] },
    ],
    warnings: ['seed was ignored'],
    servedBy: 'model-2026-01-01',
  })
  const pieces = ['reasoning:hm', 'text:Hel', 'reasoning:, so', 'text:lo wör', 'text:ld']
  const clock = new VirtualClock()
  const model = chatModel({
    async *stream() {
      for (const piece of pieces) {
        const [type, text] = piece.split(':') as ['text' | 'reasoning', string]
        await clock.sleep(100)
        yield { type, text }
      }
      yield { type: 'reply', reply: given }
    },
  })
  using recording = new Recording(folder, { access: 'write' })
  await using caller = callerOf([agentOf('a', model)], { clock, mode: 'record', recording })
  await clock.run(caller.call(callOf('q/s', 'x')))
  using later = new Recording(folder, { access: 'read' })
  const call = [...later.calls()][0]!
  expect(call.reply).toEqual(given)
  const kept = piecesOf(call.pieces!, call.reply!)
  expect(kept.map(({ type, text }) => `${type}:${text}`)).toEqual(pieces)
  expect(kept.map(({ atMs }) => atMs)).toEqual([100, 200, 300, 400, 500])
})

test('no secret gets into a recording, an event or an outcome, wherever a provider puts it', async () => {
  const folder = temporaryFolder()
  const canary = 'sk-canary-"7f3a9c\\1b'
  const events: string[] = []
  const secrets = new Set([canary, 'none'])
  const model = chatModel({
    generate: async (request) => {
      if (lastText(request).startsWith('leak'))
        return reply(`your key is ${canary}`, { warnings: [canary], servedBy: canary })
      const { ChatFailure } = await import('@mixlab/agents')
      throw new ChatFailure('authentication', `Incorrect API key provided: ${canary}. none of it`)
    },
  })
  using recording = new Recording(folder, { access: 'write', secrets })
  await using caller = callerOf([agentOf('a', model)], {
    mode: 'record',
    recording,
    secrets,
    emit: (type, data) => events.push(JSON.stringify([type, data])),
  })
  const outcomes = [
    await caller.call(callOf('q1/s', 'x')),
    await caller.call(callOf('q2/s', 'leak')),
    await caller.call(callOf('q3/s', `leak what I wrote: ${canary}`)),
  ]
  expect(outcomes[0]).toMatchObject({ failure: { message: 'Incorrect API key provided: [secret]. none of it' } })
  expect(outcomes[1]).toMatchObject({ reply: { text: 'your key is [secret]', servedBy: '[secret]' } })
  const written = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('')
  expect(written).toContain('what I wrote: [secret]')
  for (const text of [written, ...events]) {
    expect(text).not.toContain('canary')
    expect(text).not.toContain('7f3a9c')
  }
})

function repeatLine(file: string, times: number): void {
  const line = readFileSync(file, 'utf8').trimEnd()
  const lines = Array.from({ length: times }, (_, i) =>
    line
      .replace(/"key":".{22}"/, `"key":"${String(i).padStart(22, '0')}"`)
      .replace(/"call":".{16}"/, `"call":"${String(i).padStart(16, '0')}"`),
  )
  writeFileSync(file, `${lines.join('\n')}\n`)
}

test('opening 100,000 calls takes memory for their places, not for their texts', () => {
  const folder = temporaryFolder()
  {
    using recording = new Recording(folder, { access: 'write' })
    recording.append(recorded(0, { reply: reply('word '.repeat(200)) }))
  }
  repeatLine(join(folder, 'calls-0001.jsonl'), 100_000)
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  const before = process.memoryUsage()
  const begun = performance.now()
  using recording = new Recording(folder, { access: 'read' })
  const ms = performance.now() - begun
  gc()
  const after = process.memoryUsage()
  const megabytes = (after.heapUsed + after.external - before.heapUsed - before.external) / 2 ** 20
  console.log(`100,000 calls, opened in ${Math.round(ms)} ms: ${megabytes.toFixed(1)} MiB`)
  expect(recording.size).toBe(100_000)
  // The file is 150 MB.
  expect(megabytes).toBeLessThan(80)
})
