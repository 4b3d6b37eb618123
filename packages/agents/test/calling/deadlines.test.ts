// Nothing hangs: deaf models, streams that stall, stop short or never stop, and what they still do afterwards.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ChatChunk, ChatModel, GenerateOptions } from '@mixlab/agents'
import { agentOf, callerOf, callOf, chatModel, reply } from './models.ts'
import { VirtualClock } from './virtual-clock.ts'

const clock = new VirtualClock()
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => {
  unhandled.push(reason)
}
beforeEach(() => {
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  const [first] = unhandled.splice(0)
  if (first !== undefined) throw new Error('a rejection was not handled', { cause: first })
})

const deadlines = { firstTokenSeconds: 10, idleSeconds: 5, totalSeconds: 30 }

async function outcomeOf(model: ChatModel, more: { maxTokens?: number; deadline?: number; signal?: AbortSignal } = {}) {
  await using caller = callerOf([agentOf('a', model)], { clock, deadlines, retries: { max: 0 } })
  const { maxTokens = 100, ...rest } = more
  const begun = clock.now()
  const outcome = await clock.run(
    caller.call(callOf('q/s', 'x', { request: { messages: [{ role: 'user', content: 'x' }], maxTokens }, ...rest })),
  )
  return { outcome, ms: clock.now() - begun, totals: caller.totals() }
}

const text = (content: string): ChatChunk => ({ type: 'text', text: content })

test('a deaf model is left at its deadline; its late reply and its late rejection go nowhere', async () => {
  for (const late of [() => reply('late'), () => Promise.reject(new Error('late'))]) {
    const { outcome, ms, totals } = await outcomeOf(
      chatModel({ generate: async () => (await clock.sleep(40_000), late()) }),
    )
    expect(outcome).toMatchObject({
      ok: false,
      failure: { kind: 'timeout', message: 'no end of the reply within 30 s' },
    })
    expect(ms).toBe(30_000)
    expect(totals.active).toBe(0)
    await clock.run(clock.sleep(60_000))
  }
})

test('a deaf stream is left before its first piece, between two, and at the end', async () => {
  const stream = (waits: readonly number[]) =>
    chatModel({
      async *stream() {
        for (const wait of waits) {
          await clock.sleep(wait)
          yield text('word ')
        }
        throw new Error('late')
      },
    })
  const first = await outcomeOf(stream([11_000]))
  expect(first.outcome).toMatchObject({ ok: false, failure: { message: 'no reply within 10 s' } })
  expect(first.ms).toBe(10_000)
  const idle = await outcomeOf(stream([9000, 4000, 5001]))
  expect(idle.outcome).toMatchObject({ ok: false, failure: { message: 'no further piece of the reply for 5 s' } })
  expect(idle.ms).toBe(18_000)
  expect(idle.outcome.timing).toMatchObject({ firstTokenMs: 9000, durationMs: 18_000 })
  // What had come is charged for, as an estimate: 3 + 4 + 1 tokens of prompt, 10 bytes of reply.
  expect(idle.outcome.cost).toMatchObject({ inputTokens: 8, outputTokens: 3, estimated: true })
  const whole = await outcomeOf(stream(Array.from({ length: 20 }, () => 4000)))
  expect(whole.outcome).toMatchObject({ ok: false, failure: { message: 'no end of the reply within 30 s' } })
  expect(whole.ms).toBe(30_000)
  await clock.run(clock.sleep(100_000))
})

test('the signal is aborted and the stream closed, so that a model that listens ends its connection', async () => {
  let options: GenerateOptions | undefined
  let closed = false
  await outcomeOf(
    chatModel({
      stream: (_request, given) => {
        options = given
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => new Promise<IteratorResult<ChatChunk>>(() => undefined),
            return: async () => {
              closed = true
              throw new Error('while closing')
            },
          }),
        }
      },
    }),
  )
  expect(options!.signal.aborted).toBe(true)
  expect(closed).toBe(true)
})

test('endless streams are cut, even those that never let go of the thread', async () => {
  const endless = (piece: string) =>
    chatModel({
      async *stream() {
        for (;;) yield text(piece)
      },
    })
  for (const piece of ['word ', '']) {
    const { outcome } = await outcomeOf(endless(piece))
    expect(outcome).toMatchObject({ ok: false, failure: { kind: 'endless' } })
  }
  const fair = chatModel({
    async *stream() {
      // 4 bytes a token, exactly what was asked for, in small pieces.
      for (let i = 0; i < 100; i++) yield text('word')
      yield { type: 'reply' as const, reply: reply('word'.repeat(100)) }
    },
  })
  expect((await outcomeOf(fair)).outcome).toMatchObject({ ok: true })
})

test('a stream without its end is truncated', async () => {
  const { outcome } = await outcomeOf(
    chatModel({
      async *stream() {
        yield text('half a')
      },
    }),
  )
  expect(outcome).toMatchObject({ ok: false, failure: { kind: 'truncated' } })
})

test('a call ends at its own deadline and on its own signal, in the queue and under way', async () => {
  const slow = chatModel({ generate: async () => (await clock.sleep(20_000), reply('x')) })
  const late = await outcomeOf(slow, { deadline: clock.now() + 7000 })
  expect(late.outcome).toMatchObject({
    ok: false,
    attempts: 1,
    failure: { kind: 'deadline' },
    timing: { totalMs: 7000 },
  })
  expect(late.ms).toBe(7000)
  const never = await outcomeOf(slow, { deadline: clock.now() })
  expect(never.outcome).toMatchObject({
    ok: false,
    attempts: 0,
    failure: { kind: 'deadline' },
    cost: { inputTokens: 0, billed: 0 },
  })
  expect(never.ms).toBe(0)
  const controller = new AbortController()
  clock.after(3000, () => controller.abort())
  const cancelled = await outcomeOf(slow, { signal: controller.signal })
  expect(cancelled.outcome).toMatchObject({ ok: false, attempts: 1, failure: { kind: 'cancelled' } })
  expect(cancelled.ms).toBe(3000)

  await using caller = callerOf([agentOf('a', slow)], { clock, deadlines, concurrency: 1 })
  const [first, queued, after] = await clock.run(
    Promise.all([
      caller.call(callOf('q1/s', '1')),
      caller.call(callOf('q2/s', '2', { deadline: clock.now() + 5000 })),
      caller.call(callOf('q3/s', '3')),
    ]),
  )
  expect(first).toMatchObject({ ok: true })
  expect(queued).toMatchObject({ ok: false, attempts: 0, failure: { kind: 'deadline' }, timing: { durationMs: 0 } })
  expect(after).toMatchObject({ ok: true, timing: { queuedMs: 20_000 } })
})

test('equal calls at once are one request; one that leaves does not end it for the others', async () => {
  let requests = 0
  const slow = chatModel({
    async generate() {
      requests++
      await clock.sleep(10_000)
      return reply('x')
    },
  })
  await using caller = callerOf([agentOf('a', slow, { price: { input: 1, output: 1, currency: 'USD' } })], { clock })
  const controller = new AbortController()
  clock.after(1000, () => controller.abort())
  const outcomes = await clock.run(
    Promise.all([
      caller.call(callOf('q1/s', 'same', { signal: controller.signal })),
      caller.call(callOf('q2/s', 'same')),
      caller.call(callOf('q3/s', 'same')),
      caller.call(callOf('q4/s', 'same', { sample: 1 })),
    ]),
  )
  expect(requests).toBe(2)
  expect(outcomes.map(({ ok }) => ok)).toEqual([false, true, true, true])
  expect(outcomes.map(({ replayed }) => replayed)).toEqual([false, false, true, false])
  expect(outcomes.map(({ cost }) => cost.billed)).toEqual([0, 15e-6, 0, 15e-6])
  expect(caller.totals()).toMatchObject({ calls: 4, replayed: 1, attempts: 2, cost: { billed: 30e-6 } })
})
