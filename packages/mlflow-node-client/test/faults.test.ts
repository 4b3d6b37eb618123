// What the client does when the server, or the way to it, fails.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createMlflowClient, MlflowError, type MlflowClientOptions } from '../src/index.ts'
import { retryAfterMs } from '../src/retry.ts'
import { type FaultyServer, faultyServer, json, refuse, reset, silence } from './support/faulty-server.ts'

const experiment = json({ experiment: { experiment_id: '7', name: 'seven' } })
const run = json({
  run: { info: { run_id: 'r1', experiment_id: '7', artifact_uri: 'mlflow-artifacts:/7/r1/artifacts' } },
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mlflow-faults-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

const clientOf = (server: { readonly url: string }, options: MlflowClientOptions = {}) =>
  createMlflowClient({
    trackingUri: server.url,
    environment: {},
    retries: 3,
    backoff: { factor: 0.01, jitter: 0 },
    ...options,
  })

const failure = async (promise: Promise<unknown>): Promise<MlflowError> => {
  const error: unknown = await promise.then(
    () => expect.fail('the call succeeded'),
    (reason: unknown) => reason,
  )
  if (!MlflowError.is(error)) throw error
  expect(error.message).not.toContain('\n')
  return error
}

describe('answers that say "not now"', () => {
  it('waits as long as retry-after says, in seconds and as a date', async () => {
    await using server = await faultyServer([
      refuse(429, 'REQUEST_LIMIT_EXCEEDED', 'slow down', { 'retry-after': '1' }),
      experiment,
    ])
    expect((await clientOf(server).experiments.get('7')).name).toBe('seven')
    expect(server.seen).toHaveLength(2)
    expect(server.seen[1]!.at - server.seen[0]!.at).toBeGreaterThanOrEqual(990)
    expect(server.seen[1]!.at - server.seen[0]!.at).toBeLessThan(3000)
    expect(retryAfterMs('Wed, 21 Oct 2015 07:28:05 GMT', Date.parse('Wed, 21 Oct 2015 07:28:00 GMT'))).toBe(5000)
    expect(retryAfterMs('soon')).toBeUndefined()
  })

  it.each([408, 429, 500, 502, 503, 504])('retries %i', async (status) => {
    await using server = await faultyServer([refuse(status, 'X', 'x'), refuse(status, 'X', 'x'), experiment])
    await clientOf(server).experiments.get('7')
    expect(server.seen).toHaveLength(3)
  })

  it.each([400, 401, 403, 404, 409, 413, 501])('does not retry %i', async (status) => {
    await using server = await faultyServer([refuse(status, 'SOME_CODE', 'no')])
    const error = await failure(clientOf(server).experiments.get('7'))
    expect(error).toMatchObject({ status, errorCode: 'SOME_CODE', attempts: 1 })
    expect(server.seen).toHaveLength(1)
  })

  it('doubles its waits and gives up after the stated number, naming the code and the attempts', async () => {
    await using server = await faultyServer([refuse(500, 'INTERNAL_ERROR', 'disk\nfull')])
    const error = await failure(clientOf(server, { backoff: { factor: 0.1, jitter: 0 } }).experiments.get('7'))
    expect(error).toMatchObject({
      status: 500,
      errorCode: 'INTERNAL_ERROR',
      attempts: 4,
      url: `${server.url}/api/2.0/mlflow/experiments/get`,
    })
    expect(error.message).toContain('after 4 attempts with INTERNAL_ERROR (status 500): disk full')
    const waits = server.seen.slice(1).map(({ at }, index) => at - server.seen[index]!.at)
    for (const [index, least] of [100, 200, 400].entries()) expect(waits[index]).toBeGreaterThanOrEqual(least - 10)
  })

  it('spreads the waits by the jitter', async () => {
    const waits: number[] = []
    for (let round = 0; round < 6; round++) {
      await using server = await faultyServer([refuse(503, 'X', 'x'), experiment])
      await clientOf(server, { backoff: { factor: 0, jitter: 0.2 } }).experiments.get('7')
      waits.push(server.seen[1]!.at - server.seen[0]!.at)
    }
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(10)
    expect(Math.max(...waits)).toBeLessThan(2000)
  })

  it('makes nothing twice: a run is not created again after an answer that leaves it open', async () => {
    for (const reply of [refuse(500, 'INTERNAL_ERROR', 'x'), refuse(504, 'X', 'x'), reset]) {
      await using server = await faultyServer([reply, run])
      await failure(clientOf(server).runs.create({ experimentId: '7' }))
      expect(server.seen).toHaveLength(1)
    }
    await using server = await faultyServer([refuse(503, 'X', 'x'), refuse(429, 'X', 'x'), run])
    expect((await clientOf(server).runs.create({ experimentId: '7' })).runId).toBe('r1')
  })
})

describe('connections', () => {
  it('sends again over a new connection when one is reset', async () => {
    await using server = await faultyServer([reset, experiment])
    expect((await clientOf(server).experiments.get('7')).name).toBe('seven')
    expect(server.seen).toHaveLength(2)
  })

  it('keeps connections, and notices at no cost that the server has closed an idle one', async () => {
    await using server = await faultyServer([experiment, experiment, reset, experiment])
    using client = clientOf(server, { retries: 0 })
    for (let call = 0; call < 3; call++) await client.experiments.get('7')
    expect(server.seen[1]!.socket).toBe(server.seen[0]!.socket)
    expect(server.seen).toHaveLength(4)
    expect(server.seen[3]!.socket).not.toBe(server.seen[0]!.socket)
  })

  it('says that no server answers', async () => {
    const server = await faultyServer([experiment])
    await server[Symbol.asyncDispose]()
    const error = await failure(clientOf(server).experiments.get('7'))
    expect(error).toMatchObject({ errorCode: 'CONNECTION_FAILED', status: undefined, attempts: 4 })
    expect(error.message).toMatch(/ECONNREFUSED.*is it running, and is the tracking URI right/)
  })

  it('gives a silent server the time limit', async () => {
    await using server = await faultyServer([silence])
    const begin = performance.now()
    const error = await failure(clientOf(server, { timeoutMs: 150, retries: 1 }).experiments.get('7'))
    expect(performance.now() - begin).toBeGreaterThanOrEqual(290)
    expect(error).toMatchObject({ errorCode: 'TIMEOUT', attempts: 2 })
    expect(error.message).toContain('nothing was received for 150 ms')
  })

  it('does not take a slow server for a silent one', async () => {
    const slow = JSON.stringify({ experiment: { experiment_id: '7', name: 'seven' } })
    await using server = await faultyServer([
      async (response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        for (const letter of slow.match(/.{1,8}/g)!) {
          response.write(letter)
          await new Promise((resolve) => setTimeout(resolve, 60))
        }
        response.end()
      },
    ])
    expect((await clientOf(server, { timeoutMs: 300, retries: 0 }).experiments.get('7')).name).toBe('seven')
  })

  it('asks again for an answer that breaks off', async () => {
    const cut = (response: Parameters<typeof silence>[0]): void => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5000 })
      response.write('{"experiment":{"experiment_id":"7","name":"sev', () => response.destroy())
    }
    await using server = await faultyServer([cut, cut, experiment])
    expect((await clientOf(server).experiments.get('7')).name).toBe('seven')
    await using always = await faultyServer([cut])
    expect(await failure(clientOf(always).experiments.get('7'))).toMatchObject({
      errorCode: 'CONNECTION_FAILED',
      attempts: 4,
    })
  })

  it('leaves no partial file of a download that breaks off, and writes the whole one of the next attempt', async () => {
    const whole = Buffer.alloc(300_000, 'abc')
    const cut = (response: Parameters<typeof silence>[0]): void => {
      response.writeHead(200, { 'content-length': whole.length })
      response.write(whole.subarray(0, 200_000), () => setTimeout(() => response.destroy(), 20))
    }
    const folder = temporaryFolder()
    await using bad = await faultyServer([run, cut])
    expect(await failure(clientOf(bad).artifacts.downloadFile('r1', 'a.bin', join(folder, 'a.bin')))).toMatchObject({
      attempts: 4,
    })
    expect(readdirSync(folder)).toEqual([])
    await using good = await faultyServer([run, cut, (response) => response.end(whole)])
    await clientOf(good).artifacts.downloadFile('r1', 'a.bin', join(folder, 'a.bin'))
    expect(readFileSync(join(folder, 'a.bin')).equals(whole)).toBe(true)
  })

  it('uploads a file anew for each attempt, and a stream only once', async () => {
    const file = join(temporaryFolder(), 'a.txt')
    writeFileSync(file, 'content')
    await using server = await faultyServer([run, refuse(500, 'X', 'x'), reset, json({})])
    await clientOf(server).artifacts.uploadFile('r1', file)
    expect(server.seen.slice(1).map(({ method, body }) => `${method} ${body}`)).toEqual(Array(3).fill('PUT content'))
    for (const reply of [refuse(500, 'X', 'x'), refuse(503, 'X', 'x'), reset]) {
      await using broken = await faultyServer([run, reply, json({})])
      await failure(clientOf(broken).artifacts.uploadStream('r1', 'b.txt', Readable.from(['one', 'two'])))
      expect(broken.seen.slice(1).map(({ body }) => body)).toEqual(['onetwo'])
    }
  })
})

describe('streaming', () => {
  const megabyte = Buffer.alloc(1_000_000)
  const listen = async (server: Server): Promise<{ readonly url: string }> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  it('takes from a stream no faster than the server reads', async () => {
    let unread: (() => void) | undefined
    const server = createServer((request, response) => {
      if (request.method === 'GET') run(response, request)
      else {
        unread = () => request.resume()
        request.pause()
        request.on('end', () => json({})(response, request))
      }
    })
    using client = clientOf(await listen(server))
    let taken = 0
    const source = Readable.from(
      (function* () {
        for (; taken < 60; taken++) yield megabyte
      })(),
    )
    const upload = client.artifacts.uploadStream('r1', 'big.bin', source)
    await sleep(500)
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(30)
    unread!()
    await upload
    expect(taken).toBe(60)
    server.close()
  })

  it('takes from the server no faster than the reader reads', async () => {
    let sent = 0
    const server = createServer((request, response) => {
      if (request.url!.includes('runs/get')) return run(response, request)
      Readable.from(
        (function* () {
          for (; sent < 60; sent++) yield megabyte
        })(),
      ).pipe(response)
    })
    using client = clientOf(await listen(server))
    const content = await client.artifacts.open('r1', 'big.bin')
    await sleep(500)
    expect(sent).toBeLessThan(30)
    let read = 0
    for await (const chunk of content) read += (chunk as Buffer).length
    expect(read).toBe(60_000_000)
    server.close()
  })

  it('tells the reader of an open file that it broke off', async () => {
    const cut = (response: Parameters<typeof silence>[0]): void => {
      response.writeHead(200, { 'content-length': 2_000_000 })
      response.write(megabyte, () => setTimeout(() => response.destroy(), 20))
    }
    await using server = await faultyServer([run, cut])
    const content = await clientOf(server).artifacts.open('r1', 'big.bin')
    await expect(content.toArray()).rejects.toThrow()
    expect(server.seen).toHaveLength(2)
  })
})

describe('cancellation', () => {
  const cancelled = async (server: FaultyServer, options: MlflowClientOptions, wait: number): Promise<void> => {
    const controller = new AbortController()
    const call = clientOf(server, options).experiments.get('7', { signal: controller.signal })
    setTimeout(() => controller.abort(new Error('changed my mind')), wait)
    const begin = performance.now()
    await expect(call).rejects.toThrow('changed my mind')
    expect(performance.now() - begin).toBeLessThan(1500)
  }

  it('ends a call that waits for an answer', async () => {
    await using server = await faultyServer([silence])
    await cancelled(server, {}, 100)
  })

  it('ends a call that waits for its next attempt', async () => {
    await using server = await faultyServer([refuse(503, 'X', 'x', { 'retry-after': '60' })])
    await cancelled(server, {}, 100)
    expect(server.seen).toHaveLength(1)
  })

  it('refuses a call that was cancelled before, and all calls of a cancelled client', async () => {
    await using server = await faultyServer([experiment])
    await expect(
      clientOf(server).experiments.get('7', { signal: AbortSignal.abort(new Error('too late')) }),
    ).rejects.toThrow('too late')
    await expect(
      clientOf(server, { signal: AbortSignal.abort(new Error('closed')) }).experiments.get('7'),
    ).rejects.toThrow('closed')
    expect(server.seen).toHaveLength(0)
  })
})

describe('answers that are not MLflow’s', () => {
  it('says so of a page of HTML, and of a refusal in HTML', async () => {
    const page =
      (status: number) =>
      (response: Parameters<typeof silence>[0]): void => {
        response.writeHead(status, { 'content-type': 'text/html' }).end('<!doctype html><title>Welcome</title>')
      }
    await using server = await faultyServer([page(200)])
    const error = await failure(clientOf(server).experiments.get('7'))
    expect(error.errorCode).toBe('INVALID_RESPONSE')
    expect(error.message).toMatch(/not a JSON object \(text\/html\).*check the tracking URI/)
    await using refusing = await faultyServer([page(404)])
    const other = await failure(clientOf(refusing).experiments.get('7'))
    expect(other).toMatchObject({ status: 404, errorCode: 'HTTP_404' })
    expect(other.message).toContain('an HTML page')
  })
})

describe('secrets', () => {
  it('are sent as asked and shown in no error', async () => {
    await using server = await faultyServer([refuse(401, 'UNAUTHENTICATED', 'You are not authenticated')])
    const basic = await failure(clientOf(server, { username: 'ada', password: 'sesame' }).experiments.get('7'))
    expect(server.seen[0]!.headers.authorization).toBe(`Basic ${Buffer.from('ada:sesame').toString('base64')}`)
    expect(basic.message).toContain('MLFLOW_TRACKING_PASSWORD')
    const bearer = await failure(clientOf(server, { token: 'sesame' }).experiments.get('7'))
    expect(server.seen[1]!.headers.authorization).toBe('Bearer sesame')
    const inAddress = await failure(clientOf({ url: server.url.replace('//', '//ada:sesame@') }).experiments.get('7'))
    expect(server.seen[2]!.headers.authorization).toBe(server.seen[0]!.headers.authorization)
    for (const error of [basic, bearer, inAddress]) {
      expect(error.message + String(error.url) + String(error.stack)).not.toContain('sesame')
    }
  })

  it('of MLflow do not go to a store whose address the server has signed; its signature is not shown', async () => {
    await using store = await faultyServer([refuse(403, 'X', 'no')])
    const signed = json({ presigned_url: `${store.url}/bucket/a.txt?signature=sesame`, headers: { 'x-store': '1' } })
    const s3 = json({ run: { info: { run_id: 'r1', experiment_id: '7', artifact_uri: 's3://bucket/r1' } } })
    await using server = await faultyServer([s3, signed])
    const error = await failure(clientOf(server, { token: 'own' }).artifacts.upload('r1', 'a.txt', 'hello'))
    expect(store.seen[0]).toMatchObject({ method: 'PUT', url: '/bucket/a.txt?signature=sesame', body: 'hello' })
    expect(store.seen[0]!.headers).toMatchObject({ 'x-store': '1', 'content-length': '5' })
    expect(store.seen[0]!.headers.authorization).toBeUndefined()
    expect(error.message).not.toContain('sesame')
  })
})

describe('TLS', () => {
  it('trusts what `ca` names, anything with `insecureTls`, and else says what to do', async () => {
    const folder = temporaryFolder()
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
      { stdio: 'ignore' },
    )
    await using server = await faultyServer([experiment], {
      key: readFileSync(key, 'utf8'),
      cert: readFileSync(cert, 'utf8'),
    })
    const error = await failure(clientOf(server).experiments.get('7'))
    expect(error).toMatchObject({ errorCode: 'CONNECTION_FAILED', attempts: 1 })
    expect(error.message).toContain('MLFLOW_TRACKING_SERVER_CERT_PATH')
    expect((await clientOf(server, { ca: cert }).experiments.get('7')).name).toBe('seven')
    expect((await clientOf(server, { ca: readFileSync(cert, 'utf8') }).experiments.get('7')).name).toBe('seven')
    expect((await clientOf(server, { insecureTls: true }).experiments.get('7')).name).toBe('seven')
    const variables = { MLFLOW_TRACKING_SERVER_CERT_PATH: cert }
    expect((await clientOf(server, { environment: variables }).experiments.get('7')).name).toBe('seven')
  })
})

it('never has more connections than stated', async () => {
  let open = 0
  let most = 0
  const server = createServer((_request, response) => {
    most = Math.max(most, ++open)
    setTimeout(() => {
      open--
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"experiment":{"experiment_id":"7","name":"seven"}}')
    }, 20)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  using client = clientOf({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, { connections: 3 })
  await Promise.all(Array.from({ length: 20 }, () => client.experiments.get('7')))
  expect(most).toBe(3)
  server.closeAllConnections()
  server.close()
})
