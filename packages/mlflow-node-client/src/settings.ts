// Options and environment variables become one settled configuration. The variables, their units and their precedence are
// those of the Python client (mlflow/environment_variables.py, utils/credentials.py): an option beats its variable, a user
// name with a password beats a token, and credentials inside the address are the last resort.
import { readFileSync } from 'node:fs'
import { invalid } from './errors.ts'

export interface MlflowClientOptions {
  /** `http(s)://host[:port][/prefix]`; MLFLOW_TRACKING_URI. */
  readonly trackingUri?: string | undefined
  /** Basic authentication; MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Bearer authentication; MLFLOW_TRACKING_TOKEN. */
  readonly token?: string | undefined
  /** Accept any certificate; MLFLOW_TRACKING_INSECURE_TLS. */
  readonly insecureTls?: boolean | undefined
  /** Certificate authorities to trust, as PEM text or a file's path; MLFLOW_TRACKING_SERVER_CERT_PATH. */
  readonly ca?: string | undefined
  /** The client's own certificate with its key, as PEM text or a file's path; MLFLOW_TRACKING_CLIENT_CERT_PATH. */
  readonly clientCert?: string | undefined
  /** Longest silence on a connection, in ms (120,000); MLFLOW_HTTP_REQUEST_TIMEOUT, in s. */
  readonly timeoutMs?: number | undefined
  /** Further attempts after the first (7); MLFLOW_HTTP_REQUEST_MAX_RETRIES. */
  readonly retries?: number | undefined
  /** The n-th wait is factor · 2ⁿ⁻¹ + random · jitter seconds, at most 120 s (2 and 1); MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, …_JITTER. */
  readonly backoff?: { readonly factor?: number | undefined; readonly jitter?: number | undefined } | undefined
  /** Connections at once (8); further requests wait for one. */
  readonly connections?: number | undefined
  /** Cancels every request of this client. */
  readonly signal?: AbortSignal | undefined
  /** Where variables are read from (`process.env`). */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}

export interface Settings {
  readonly baseUrl: URL
  readonly authorization: string | undefined
  readonly tls: {
    readonly rejectUnauthorized: boolean
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
  }
  readonly timeoutMs: number
  readonly retries: number
  readonly backoff: { readonly factor: number; readonly jitter: number }
  readonly connections: number
  readonly signal: AbortSignal | undefined
  /** What MLFLOW_EXPERIMENT_NAME, MLFLOW_EXPERIMENT_ID and MLFLOW_RUN_ID say. */
  readonly current: {
    readonly experimentName: string | undefined
    readonly experimentId: string | undefined
    readonly runId: string | undefined
  }
}

export const settle = (options: MlflowClientOptions): Settings => {
  const environment = options.environment ?? process.env
  const variable = (name: string): string | undefined => environment[name] || undefined
  const numeric = (option: number | undefined, optionName: string, name: string, fallback: number): number => {
    const value = option ?? (variable(name) === undefined ? fallback : Number(variable(name)))
    if (!(value >= 0 && Number.isFinite(value)))
      throw invalid(
        `${option === undefined ? name : optionName} is ${option ?? `"${variable(name) ?? ''}"`}; it has to be a number of 0 or more`,
      )
    return value
  }
  const baseUrl = trackingUrl(options.trackingUri ?? variable('MLFLOW_TRACKING_URI'))
  const username = options.username ?? variable('MLFLOW_TRACKING_USERNAME') ?? decodeURIComponent(baseUrl.username)
  const password = options.password ?? variable('MLFLOW_TRACKING_PASSWORD') ?? decodeURIComponent(baseUrl.password)
  const token = options.token ?? variable('MLFLOW_TRACKING_TOKEN')
  baseUrl.username = baseUrl.password = ''
  return {
    baseUrl,
    authorization:
      username && password
        ? `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
        : token && `Bearer ${token}`,
    tls: tlsOptions(options, variable),
    timeoutMs: options.timeoutMs ?? numeric(undefined, '', 'MLFLOW_HTTP_REQUEST_TIMEOUT', 120) * 1000,
    retries: numeric(options.retries, 'retries', 'MLFLOW_HTTP_REQUEST_MAX_RETRIES', 7),
    backoff: {
      factor: numeric(options.backoff?.factor, 'backoff.factor', 'MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR', 2),
      jitter: numeric(options.backoff?.jitter, 'backoff.jitter', 'MLFLOW_HTTP_REQUEST_BACKOFF_JITTER', 1),
    },
    connections: options.connections ?? 8,
    signal: options.signal,
    current: {
      experimentName: variable('MLFLOW_EXPERIMENT_NAME'),
      experimentId: variable('MLFLOW_EXPERIMENT_ID'),
      runId: variable('MLFLOW_RUN_ID'),
    },
  }
}

const trackingUrl = (uri: string | undefined): URL => {
  const advice = 'give `trackingUri` or MLFLOW_TRACKING_URI as http://host:port of a running `mlflow server`'
  if (uri === undefined) throw invalid(`no tracking server is named: ${advice}`)
  const url = URL.parse(uri)
  if (url === null) throw invalid(`the tracking URI is not a URL: ${advice}`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalid(`the tracking URI has the scheme "${url.protocol}", this client speaks to a server only: ${advice}`)
  url.search = url.hash = ''
  url.pathname = url.pathname.replace(/\/+$/, '')
  return url
}

const tlsOptions = (options: MlflowClientOptions, variable: (name: string) => string | undefined): Settings['tls'] => {
  const insecure =
    options.insecureTls ?? ['true', '1'].includes((variable('MLFLOW_TRACKING_INSECURE_TLS') ?? '').toLowerCase())
  const ca = options.ca ?? variable('MLFLOW_TRACKING_SERVER_CERT_PATH')
  const cert = options.clientCert ?? variable('MLFLOW_TRACKING_CLIENT_CERT_PATH')
  if (insecure && ca !== undefined)
    throw invalid(
      '`insecureTls` and `ca` contradict each other: certificates are either checked or not; give one of them',
    )
  const own = cert === undefined ? undefined : pem(cert, 'clientCert')
  return {
    rejectUnauthorized: !insecure,
    ...(ca !== undefined && { ca: pem(ca, 'ca') }),
    ...(own !== undefined && { cert: own, key: own }),
  }
}

const pem = (textOrPath: string, option: string): string => {
  if (textOrPath.includes('-----BEGIN')) return textOrPath
  try {
    return readFileSync(textOrPath, 'utf8')
  } catch (cause) {
    throw invalid(
      `\`${option}\` names a certificate file that cannot be read: ${textOrPath} (${(cause as Error).message})`,
    )
  }
}
