// What is refused before anything is sent, how a batch is cut into requests, and what the settings come from.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits, MlflowError, type Batch, type MlflowClientOptions } from '../src/index.ts'
import { requests } from '../src/metrics.ts'
import { artifactPath, checkExperimentName, checkTag } from '../src/names.ts'
import { settle } from '../src/settings.ts'
import { fromWireNumber, toWireNumber } from '../src/wire.ts'

interface Body {
  run_id: string
  metrics?: { key: string; value: number | string; step: number; timestamp: number }[]
  params?: { key: string; value: string }[]
  tags?: { key: string; value: string }[]
}

const bodies = (batch: Batch): { readonly body: Body; readonly bytes: number }[] =>
  [...requests('r1', batch)].map((text) => ({ body: JSON.parse(text) as Body, bytes: Buffer.byteLength(text) }))

describe('a batch', () => {
  it('is cut within all limits, complete and in order, whatever is in it', () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9 _.:-]{0,30}[a-z]$/)
    const text = (longest: number) =>
      fc.string({ unit: 'grapheme', maxLength: 40 }).map((part) => part.repeat(60).slice(0, longest))
    const arbitrary = fc.record({
      params: fc.dictionary(key, text(6000), { maxKeys: 260, size: 'max' }),
      tags: fc.dictionary(key, text(8000), { maxKeys: 260, size: 'max' }),
      count: fc.nat(3500),
    })
    fc.assert(
      fc.property(arbitrary, ({ params, tags, count }) => {
        const metrics = Array.from({ length: count }, (_, step) => ({
          key: 'm',
          value: step / 7,
          step,
          timestamp: step,
        }))
        const parts = bodies({ params, tags, metrics })
        for (const { body, bytes } of parts) {
          const sizes = [body.metrics, body.params, body.tags].map((list) => list?.length ?? 0)
          expect(sizes[0]).toBeLessThanOrEqual(1000)
          expect(sizes[1]).toBeLessThanOrEqual(100)
          expect(sizes[2]).toBeLessThanOrEqual(100)
          expect(sizes[0]! + sizes[1]! + sizes[2]!).toBeLessThanOrEqual(1000)
          expect(bytes).toBeLessThanOrEqual(1_000_000)
        }
        expect(parts.flatMap(({ body }) => body.metrics ?? []).map(({ value }) => value)).toEqual(
          metrics.map(({ value }) => value),
        )
        const entries = (kind: 'params' | 'tags') =>
          parts.flatMap(({ body }) => body[kind] ?? []).map(({ key: name, value }) => [name, value])
        expect(entries('params')).toEqual(Object.entries(params))
        expect(entries('tags')).toEqual(Object.entries(tags))
      }),
      { numRuns: 30 },
    )
  })

  it('fills its requests: as few as the limits allow', () => {
    const metrics = Array.from({ length: 2900 }, (_, step) => ({ key: 'm', value: 1, step }))
    const params = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`p${index}`, index]))
    expect(bodies({ metrics, params }).map(({ body }) => [body.metrics?.length, body.params?.length])).toEqual([
      [900, 100],
      [1000, undefined],
      [1000, undefined],
    ])
    expect(bodies({})).toEqual([])
  })

  it('respects a megabyte in bytes, not in characters', () => {
    // 100 values of 6,000 characters of 4 bytes: 2.4 MB.
    const params = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`p${index}`, '😀'.repeat(6000)]))
    const parts = bodies({ params })
    expect(parts.map(({ body }) => body.params!.length)).toEqual([41, 41, 18])
    for (const { bytes } of parts) expect(bytes).toBeLessThanOrEqual(1_000_000)
  })

  it('takes any iterable, and no more of it than a request needs', () => {
    let made = 0
    const points = function* () {
      for (; ; made++) yield { key: 'm', value: made }
    }
    const cut = requests('r1', { metrics: points() })
    cut.next()
    expect(made).toBe(1000)
  })

  it.each<[string, Batch, RegExp]>([
    ['a key', { metrics: [{ key: 'a@b', value: 1 }] }, /metric key "a@b" has characters that MLflow refuses/],
    ['a path', { params: { '../a': 1 } }, /parameter key "\.\.\/a" is not a plain path/],
    ['an empty key', { tags: { '': 'x' } }, /tag's key is empty/],
    ['a long key', { params: { ['x'.repeat(251)]: 1 } }, /251 characters, MLflow takes at most 250/],
    [
      'a long value',
      { params: { p: 'x'.repeat(6001) } },
      /value of the parameter "p" has 6001 characters, MLflow takes at most 6000/,
    ],
    ['a long tag', { tags: { t: 'x'.repeat(8001) } }, /at most 8000/],
    ['no number', { metrics: [{ key: 'm', value: '1' as unknown as number }] }, /value "1"; it has to be a number/],
    ['a fraction of a step', { metrics: [{ key: 'm', value: 1, step: 0.5 }] }, /step 0\.5; it has to be an integer/],
    ['a time before 1970', { metrics: [{ key: 'm', value: 1, timestamp: -1 }] }, /timestamp -1/],
  ])('is refused with %s', (_what, batch, message) => {
    expect(() => bodies(batch)).toThrow(message)
  })
})

describe('names', () => {
  it('are measured as Python does, in code points', () => {
    checkTag('t', '😀'.repeat(limits.tagValueLength))
    expect(() => checkTag('t', '😀'.repeat(limits.tagValueLength + 1))).toThrow(/8001 characters/)
    checkExperimentName('x'.repeat(500))
    expect(() => checkExperimentName('x'.repeat(501))).toThrow(MlflowError)
    expect(() => checkExperimentName('')).toThrow(/not empty/)
  })

  it('of artifacts are normalised, and never leave the run’s folder', () => {
    expect(artifactPath('a//b/./c/')).toBe('a/b/c')
    expect(artifactPath('')).toBe('')
    for (const path of ['..', 'a/..', '../a', '/a', '\\a', 'a%2Fb', '%2e%2e', 'a#b', 'a\u0000b'])
      expect(() => artifactPath(path)).toThrow(MlflowError)
    expect(artifactPath('..a/b..')).toBe('..a/b..')
  })
})

it('numbers travel as protobuf’s JSON has them', () => {
  expect([1.5, NaN, Infinity, -Infinity].map(toWireNumber)).toEqual([1.5, 'NaN', 'Infinity', '-Infinity'])
  expect(['NaN', 'Infinity', '-Infinity', '1e3', 2.5, undefined].map(fromWireNumber)).toEqual([
    NaN,
    Infinity,
    -Infinity,
    1000,
    2.5,
    0,
  ])
  expect([Number.MAX_VALUE, -Number.MAX_VALUE, 1.7976931348623155e308].map(fromWireNumber)).toEqual([
    Infinity,
    -Infinity,
    1.7976931348623155e308,
  ])
})

describe('settings', () => {
  const settled = (environment: Record<string, string>, options: MlflowClientOptions = {}) =>
    settle({ environment: { MLFLOW_TRACKING_URI: 'http://host:5000', ...environment }, ...options })

  it('have the Python client’s defaults', () => {
    expect(settled({})).toMatchObject({
      timeoutMs: 120_000,
      retries: 7,
      backoff: { factor: 2, jitter: 1 },
      authorization: undefined,
      tls: { rejectUnauthorized: true },
    })
  })

  it('come from the environment, in its units', () => {
    const variables = {
      MLFLOW_HTTP_REQUEST_TIMEOUT: '30',
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0',
      MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR: '3',
      MLFLOW_HTTP_REQUEST_BACKOFF_JITTER: '0.5',
      MLFLOW_TRACKING_INSECURE_TLS: 'true',
      MLFLOW_RUN_ID: 'r',
      MLFLOW_EXPERIMENT_ID: '4',
      MLFLOW_EXPERIMENT_NAME: 'e',
    }
    expect(settled(variables)).toMatchObject({
      timeoutMs: 30_000,
      retries: 0,
      backoff: { factor: 3, jitter: 0.5 },
      tls: { rejectUnauthorized: false },
      current: { runId: 'r', experimentId: '4', experimentName: 'e' },
    })
    expect(settled(variables, { timeoutMs: 5, retries: 2, backoff: { jitter: 0 } })).toMatchObject({
      timeoutMs: 5,
      retries: 2,
      backoff: { factor: 3, jitter: 0 },
    })
  })

  it('prefer a user name to a token, an option to its variable, and those to the address', () => {
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
    const named = { MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_PASSWORD: 'p' }
    expect(settled({ ...named, MLFLOW_TRACKING_TOKEN: 't' }).authorization).toBe(basic('u:p'))
    expect(settled({ MLFLOW_TRACKING_TOKEN: 't', MLFLOW_TRACKING_USERNAME: 'u' }).authorization).toBe('Bearer t')
    expect(settled(named, { username: 'x' }).authorization).toBe(basic('x:p'))
    const inAddress = settled({}, { trackingUri: 'https://a%40b:c%3Ad@host/prefix/' })
    expect(inAddress.authorization).toBe(basic('a@b:c:d'))
    expect(inAddress.baseUrl.href).toBe('https://host/prefix')
  })

  it.each<[Record<string, string>, MlflowClientOptions, RegExp]>([
    [{ MLFLOW_TRACKING_URI: '' }, {}, /no tracking server is named/],
    [{}, { trackingUri: 'sqlite:///mlflow.db' }, /scheme "sqlite:".*http:\/\/host:port/],
    [{}, { trackingUri: 'not a url' }, /not a URL/],
    [{ MLFLOW_HTTP_REQUEST_MAX_RETRIES: 'many' }, {}, /MLFLOW_HTTP_REQUEST_MAX_RETRIES is "many"/],
    [{}, { retries: -1 }, /retries is -1/],
    [{}, { insecureTls: true, ca: 'x.pem' }, /contradict/],
    [{}, { ca: '/no/such/file.pem' }, /cannot be read: \/no\/such\/file\.pem/],
  ])('are refused with one line: %j %j', (environment, options, message) => {
    expect(() => settled(environment, options)).toThrow(message)
  })
})
