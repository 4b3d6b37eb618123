// What stands in the way between the tracked runs of the benchmark and an MLflow server. The server would be on a machine of
// its own, and takes some forty times the client's processor time: while turns are compared, batches of points are
// answered here, as the server answers them, and kept; it gets them afterwards, or when it is asked anything else.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { MixlabError } from '@mixlab/core'

/** What a request meets, `seconds` after the run's beginning. */
type Meeting = (to: ServerResponse, seconds: number) => void | Promise<void> | undefined

const isKilled = (seconds: number): boolean => seconds % 10 > 5

/** By name: undefined where the request goes through. `refused` has no server at all. */
export const faults: Readonly<Record<string, Meeting>> = {
  none: () => undefined,
  // A connection that breaks, and no answer for a while, is all that a client sees of a server that was killed.
  killed: (to, seconds) => (isKilled(seconds) ? void to.socket?.destroy() : undefined),
  'status 500': (to, seconds) => (seconds % 2 < 1 ? void to.writeHead(500).end() : undefined),
  'status 429': (to, seconds) => (seconds % 4 < 2 ? void to.writeHead(429, { 'retry-after': '1' }).end() : undefined),
  'latency 30 s': () => delay(30_000),
  refused: () => undefined,
}

export interface FaultyWay {
  readonly uri: string
  /** The next run begins now, under that fault. */
  begin(fault: string): void
  /** Hands the server what was kept, in order, and then whatever comes. @throws MixlabError when it refuses it */
  deliver(): Promise<void>
  close(): void
}

export async function faultyWay(server: URL): Promise<FaultyWay> {
  let meeting: Meeting = faults['none']!
  let began = performance.now()
  let isKeeping = true
  const kept: { readonly path: string; readonly body: Buffer }[] = []
  let handing = Promise.resolve()

  async function handOver(): Promise<void> {
    for (const { path, body } of kept.splice(0)) {
      const headers = { 'content-type': 'application/json' }
      const { ok, status } = await fetch(new URL(path, server), { method: 'POST', headers, body })
      if (!ok) throw new MixlabError(`the server answered ${status} to points that the benchmark had kept for it`)
    }
  }

  /** The server has everything that was kept until now. */
  const settle = (): Promise<void> => (handing = handing.then(handOver))

  async function handle(from: IncomingMessage, to: ServerResponse): Promise<void> {
    await meeting(to, (performance.now() - began) / 1000)
    if (to.writableEnded || to.socket?.destroyed) return
    const { method, url: path = '/', headers } = from
    if (isKeeping && path.endsWith('/runs/log-batch')) {
      kept.push({ path, body: Buffer.concat(await from.toArray()) })
      to.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      return
    }
    await settle()
    const onward = request({ host: server.hostname, port: server.port, method, path, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(to)
    })
    onward.on('error', () => to.destroy())
    from.pipe(onward)
  }

  const way = createServer((from, to) => void handle(from, to).catch(() => to.destroy()))
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve))
  const address = way.address()
  return {
    uri: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    begin(fault) {
      meeting = faults[fault]!
      began = performance.now()
      isKeeping = true
    },
    deliver() {
      isKeeping = false
      return settle()
    },
    close() {
      way.close()
      way.closeAllConnections()
    },
  }
}
