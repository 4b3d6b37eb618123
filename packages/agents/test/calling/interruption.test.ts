// Ctrl-C: nothing new starts, what is under way may end and is recorded, the rest hears of it.
import { expect, test } from 'vitest'
import { ChatFailure, Recording } from '@mixlab/agents'
import { temporaryFolder } from './folder.ts'
import { agentOf, callerOf, callOf, chatModel, lastText, reply } from './models.ts'
import { VirtualClock } from './virtual-clock.ts'

const told = (result: PromiseSettledResult<{ readonly ok: boolean }>): string =>
  result.status === 'fulfilled' ? String(result.value.ok) : (result.reason as { code?: string }).code!

test('what is under way ends and is recorded; queued, waiting and later calls are told', async () => {
  const folder = temporaryFolder()
  const clock = new VirtualClock()
  const run = new AbortController()
  const sent: string[] = []
  let aborted = false
  const model = chatModel({
    async generate(request, { signal }) {
      const text = lastText(request)
      sent.push(text)
      signal.addEventListener('abort', () => (aborted = true))
      if (text === 'fails') throw new ChatFailure('server', '500')
      await clock.sleep(text === 'slow' ? 60_000 : 8000)
      return reply(text)
    },
  })
  using recording = new Recording(folder, { access: 'write' })
  const caller = callerOf([agentOf('a', model)], {
    clock,
    mode: 'record',
    recording,
    signal: run.signal,
    concurrency: 3,
    retries: { firstWaitSeconds: 30 },
  })
  clock.after(3000, () => run.abort())
  // The topologies' own signals hang on the run's.
  const signal = AbortSignal.any([run.signal])
  const calls = ['fails', 'quick', 'slow', 'quick 2', 'queued'].map((text) =>
    caller.call(callOf(`${text}/s`, text, { signal })),
  )
  const begun = clock.now()
  const results = await clock.run(Promise.allSettled(calls))
  expect(results.map(told)).toEqual(['interrupted', 'true', 'interrupted', 'true', 'interrupted'])
  expect(clock.now() - begun).toBe(13_000)
  expect(sent).toEqual(['fails', 'quick', 'slow', 'quick 2'])
  expect(aborted).toBe(true)
  await expect(caller.call(callOf('later/s', 'later'))).rejects.toMatchObject({ code: 'interrupted' })
  await clock.run(caller[Symbol.asyncDispose]())
  using later = new Recording(folder, { access: 'read' })
  expect([...later.calls()].map(({ id, kind }) => `${kind} ${id}`)).toEqual(['reply quick/s', 'reply quick 2/s'])
})

test('disposing waits for what is under way, and ends as soon as that has ended', async () => {
  const clock = new VirtualClock()
  const model = chatModel({ generate: async () => (await clock.sleep(4000), reply('x')) })
  const caller = callerOf([agentOf('a', model)], { clock, concurrency: 1 })
  const calls = [1, 2].map((i) => caller.call(callOf(`q${i}/s`, `${i}`)))
  const settled = Promise.allSettled(calls)
  await clock.run(Promise.resolve())
  const begun = clock.now()
  await clock.run(caller[Symbol.asyncDispose]())
  expect(clock.now() - begun).toBe(4000)
  expect((await settled).map(told)).toEqual(['true', 'interrupted'])
  // No timer is left behind that would keep the process alive.
  await expect(clock.run(new Promise(() => undefined))).rejects.toThrow('nothing is left to wait for')
  expect(clock.now() - begun).toBe(4000)
})
