// A thousand questions of seven calls each, 64 at once, whole and streamed: the memory stays where it was, connections are
// used again, and nothing is left over. (What a run adds is tested with the scheduler.)
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { gather, openAiCompatibleModel, options } from './asking.ts'
import { startHostileServer } from './hostile-server.ts'

const calls = 7000
const concurrency = 64

test('7,000 calls at concurrency 64: steady memory, few connections', async () => {
  const abort = new AbortController()
  await using server = await startHostileServer({ keepBodies: false, firstTokenMs: 40 })
  const model = await openAiCompatibleModel({ url: server.url })
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap: number[] = []
  let next = 0
  const filler = 'So this is how it was. '.repeat(200)
  const worker = async (): Promise<void> => {
    for (let call = next++; call < calls; call = next++) {
      const request = { messages: [{ role: 'user' as const, content: `${call} ${filler}` }], maxTokens: 64 }
      const settings = options({ signal: abort.signal })
      const reply =
        call % 2 === 0 ? await model.generate(request, settings) : (await gather(model.stream(request, settings))).reply
      if (reply?.finishReason !== 'stop') throw new Error(`call ${call} has no reply`)
      if (call % 1000 === 999) {
        collect()
        heap.push(process.memoryUsage().heapUsed / 2 ** 20)
      }
    }
  }
  const begin = performance.now()
  await Promise.all(Array.from({ length: concurrency }, worker))
  const seconds = (performance.now() - begin) / 1000
  console.log(`${calls} calls in ${seconds.toFixed(1)} s; heap ${heap.map((mib) => mib.toFixed(1)).join(', ')} MiB`)
  expect(server.log.filter(({ completed }) => completed)).toHaveLength(calls)
  expect(server.peak).toBe(concurrency)
  // Connections are used again: an idle one may be closed now and then, not one for each call.
  expect(server.connections).toBeLessThan(calls / 20)
  // The log of the server grows, by less than 1 KiB a call; 7,000 requests or replies that are kept would be 70 MiB.
  expect(heap.at(-1)! - heap[0]!).toBeLessThan(12)
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThan(10)
})
