// Stands between a client and a server, and misbehaves as told.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

export type Fault =
  | 'none'
  /** 500, and the server has not seen it. */
  | 'error-before'
  /** 500, and the server has done it. */
  | 'error-after'
  /** The connection breaks, and the server has done it. */
  | 'reset-after'
  /** 429 with `retry-after: 1`. */
  | 'busy'
  | { readonly latencyMs: number }

export interface FaultProxy {
  readonly uri: string
  /** What happens to the next requests. */
  fault: Fault
  /** Decides for each request, in place of `fault`. */
  choose?: ((path: string) => Fault) | undefined
  readonly requests: { path: string; fault: Fault; time: number; authorization: string | undefined }[]
}

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = []
  for await (const part of message) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

function forward(
  port: number,
  from: IncomingMessage,
  body: Buffer,
): Promise<{ answer: IncomingMessage; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { method, url, headers } = from
    const onward = request({ port, host: '127.0.0.1', method, path: url, headers, agent: false }, (answer) => {
      bodyOf(answer).then((data) => resolve({ answer, body: data }), reject)
    })
    onward.on('error', reject)
    onward.end(body)
  })
}

export async function faultProxy(port: number): Promise<FaultProxy> {
  const handle = async (from: IncomingMessage, to: ServerResponse): Promise<unknown> => {
    const path = from.url ?? ''
    const fault = proxy.choose?.(path) ?? proxy.fault
    proxy.requests.push({ path, fault, time: Date.now(), authorization: from.headers.authorization })
    const body = await bodyOf(from)
    if (fault === 'busy') return to.writeHead(429, { 'retry-after': '1' }).end('slow down')
    if (fault === 'error-before') return to.writeHead(500).end('broken')
    if (typeof fault === 'object') await delay(fault.latencyMs)
    const { answer, body: data } = await forward(port, from, body)
    if (fault === 'error-after') return to.writeHead(500).end('broken')
    if (fault === 'reset-after') return to.socket?.destroy()
    return to.writeHead(answer.statusCode ?? 500, answer.headers).end(data)
  }
  const server = createServer((from, to) => void handle(from, to).catch(() => to.socket?.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const proxy: FaultProxy = {
    uri: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    fault: 'none',
    requests: [],
  }
  return proxy
}
