// An HTTP server in this process whose every answer a test decides, to try what a real server does rarely.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly at: number
  readonly socket: Socket
}

export type Reply = (response: ServerResponse, request: IncomingMessage) => void

export interface FaultyServer extends AsyncDisposable {
  readonly url: string
  readonly seen: readonly Seen[]
}

/** Answers the n-th request with the n-th reply, the last one for good. */
export const faultyServer = async (
  replies: readonly Reply[],
  tls?: { readonly key: string; readonly cert: string },
): Promise<FaultyServer> => {
  const seen: Seen[] = []
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      const { method = '', url = '', headers, socket } = request
      const reply = replies[Math.min(seen.length, replies.length - 1)]!
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString('utf8'), at: performance.now(), socket })
      reply(response, request)
    })
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const json =
  (value: object, status = 200, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }

export const refuse = (
  status: number,
  errorCode: string,
  message: string,
  headers: Record<string, string> = {},
): Reply => json({ error_code: errorCode, message }, status, headers)

export const reset: Reply = (_response, request) => {
  request.socket.resetAndDestroy()
}

export const silence: Reply = () => undefined
