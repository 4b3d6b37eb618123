// Ray's Jobs API. It refuses whatever looks like a browser, which includes Node's `fetch`; hence node:http.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { MixlabError } from '@mixlab/core'

/** https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html */
export interface RayJob {
  readonly status: 'PENDING' | 'RUNNING' | 'STOPPED' | 'SUCCEEDED' | 'FAILED'
  readonly message?: string | null
  readonly error_type?: string | null
  /** What the entrypoint exited with; negative for a signal. */
  readonly driver_exit_code?: number | null
}

export interface RaySubmission {
  readonly entrypoint: string
  readonly submission_id: string
  readonly runtime_env: { readonly env_vars: Readonly<Record<string, string>> }
  readonly metadata: Readonly<Record<string, string>>
  readonly entrypoint_num_cpus: number
  readonly entrypoint_num_gpus: number
  /** Bytes. */
  readonly entrypoint_memory?: number
  readonly entrypoint_resources: Readonly<Record<string, number>>
}

export interface RayClient {
  /** Whether a Ray cluster answers at the address. */
  version(): Promise<string>
  submit(submission: RaySubmission): Promise<void>
  /** @returns undefined where the cluster knows no such job */
  job(id: string): Promise<RayJob | undefined>
  /** What Ray itself and the entrypoint's shell wrote; '' where there is none. */
  logs(id: string): Promise<string>
  stop(id: string): Promise<void>
}

interface RayOutage extends Error {
  readonly rayOutage: true
}

/** The head node is away, or has just come back and is not ready. */
export const isRayOutage = (error: unknown): error is RayOutage => error instanceof Error && 'rayOutage' in error

const outageOf = (message: string, cause?: unknown): RayOutage =>
  Object.assign(new Error(message, { cause }), { rayOutage: true as const })

const ANSWER_TIMEOUT_MS = 30_000

/** @param address `http://HOST:8265`, the dashboard's */
export function createRayClient(address: string): RayClient {
  const base = parseAddress(address)
  const headers = rayHeaders()

  const send = (method: 'GET' | 'POST', path: string, body?: unknown): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const url = new URL(path, base)
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
        method,
        timeout: ANSWER_TIMEOUT_MS,
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      })
      const fail = (error: NodeJS.ErrnoException) =>
        reject(outageOf(`${error.code ?? error.message} at ${base.origin}`, error))
      request.on('timeout', () => request.destroy(new Error('no answer within 30 s')))
      request.on('error', fail)
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('error', fail)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })

  /** @returns undefined for 404 */
  async function ask<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T | undefined> {
    const { status, text } = await send(method, path, body)
    if (status === 404) return undefined
    if (status >= 200 && status < 300) return JSON.parse(text) as T
    if (status === 401 || status === 403) {
      throw new MixlabError(
        `executor ray: ${base.origin} refused the request (${status}); set RAY_AUTH_TOKEN, or RAY_JOB_HEADERS to a JSON object of HTTP headers`,
        { code: 'executor' },
      )
    }
    const problem = lastLine(text)
    // A head node that has just started answers so until its agent is up.
    if (
      [429, 502, 503, 504].includes(status) ||
      /no available agent|try again|failed to connect|timed? ?out/i.test(text)
    ) {
      throw outageOf(`${status} ${problem}`)
    }
    throw new MixlabError(`executor ray: ${base.origin} answered ${status}: ${problem}`, { code: 'executor' })
  }

  return {
    async version() {
      const answer = await ask<{ ray_version?: string }>('GET', '/api/version')
      if (answer?.ray_version !== undefined) return answer.ray_version
      throw new MixlabError(
        `executor ray: ${base.origin} is not Ray’s dashboard; its port is 8265 unless it was changed`,
        {
          code: 'executor',
        },
      )
    },
    async submit(submission) {
      await ask('POST', '/api/jobs/', submission)
    },
    job: (id) => ask<RayJob>('GET', `/api/jobs/${id}`),
    logs: async (id) => (await ask<{ logs?: string }>('GET', `/api/jobs/${id}/logs`))?.logs ?? '',
    async stop(id) {
      await ask('POST', `/api/jobs/${id}/stop`)
    },
  }
}

function parseAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new MixlabError(
    `executor ray: the address is "${address}", expected that of Ray’s dashboard, e.g. http://HEAD:8265: set address, or RAY_API_SERVER_ADDRESS`,
    { code: 'executor' },
  )
}

/** As Ray’s own client takes them from the environment. */
function rayHeaders(): Record<string, string> {
  const token = process.env['RAY_AUTH_TOKEN']
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  const given = process.env['RAY_JOB_HEADERS']
  if (!given) return headers
  try {
    return { ...headers, ...(JSON.parse(given) as Record<string, string>) }
  } catch (error) {
    throw new MixlabError('RAY_JOB_HEADERS is not a JSON object of HTTP headers, e.g. {"Authorization": "Bearer …"}', {
      code: 'executor',
      cause: error,
    })
  }
}

/** Of a Python traceback, what was wrong. */
const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
