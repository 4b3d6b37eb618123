// A real MLflow server from pip, and Python's own client beside ours. Found by MIXLAB_PEER_PYTHON or as `python3`.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** The Python that the peers run in. */
export const python = process.env['MIXLAB_PEER_PYTHON'] ?? 'python3'

/** Whether the peer's Python has every one of these modules; where not, says which test is left out. */
export const peerHas = (test: string, ...modules: readonly string[]): boolean => {
  const probe = `import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(modules)}))`
  const found = spawnSync(python, ['-c', probe]).status === 0
  if (!found)
    console.log(
      `skipped: ${test} needs ${modules.join(' and ')} in ${python}; name another Python by MIXLAB_PEER_PYTHON`,
    )
  return found
}

const quiet = {
  MLFLOW_DISABLE_TELEMETRY: 'true',
  DO_NOT_TRACK: 'true',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  PYTHONWARNINGS: 'ignore',
}

export interface MlflowServer extends AsyncDisposable {
  readonly url: string
  readonly folder: string
  /** The first process of the server's group. */
  readonly pid: number
}

export interface ServerOptions {
  readonly arguments?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Processes that answer (1; MLflow's default is 4). */
  readonly workers?: number
}

export const startMlflow = async (options: ServerOptions = {}): Promise<MlflowServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'mlflow-server-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const log = join(folder, 'server.log')
  const output = openSync(log, 'a')
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`]
  const proxy = ['--serve-artifacts', '--artifacts-destination', join(folder, 'artifacts')]
  const server = spawn(
    python,
    [
      '-m',
      'mlflow',
      'server',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--workers',
      '1',
      ...store,
      ...(options.arguments ?? proxy),
    ],
    // A group of its own, so that its workers end with it.
    {
      cwd: folder,
      detached: true,
      stdio: ['ignore', output, output],
      env: { ...process.env, ...quiet, ...options.environment },
    },
  )
  for (let waited = 0; !(await isUp(url)); waited += 200) {
    if (server.exitCode !== null || waited > 120_000)
      throw new Error(`mlflow server did not start:\n${readFileSync(log, 'utf8')}`)
    await sleep(200)
  }
  return {
    url,
    folder,
    pid: server.pid!,
    async [Symbol.asyncDispose]() {
      await ended(server)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const isUp = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    (answer) => answer.ok,
    () => false,
  )

const ended = async (server: ChildProcess): Promise<void> => {
  if (server.exitCode !== null) return
  const gone = new Promise((resolve) => server.once('exit', resolve))
  process.kill(-server.pid!, 'SIGKILL')
  await gone
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })

export interface Peer extends AsyncDisposable {
  /** Runs Python statements with `client` (an MlflowClient) and `mlflow` at hand; @returns what they set `result` to. */
  run<T>(code: string): Promise<T>
}

// Doubles come as JSON has them, but for those that it lacks, which come as "NaN", "Infinity" and "-Infinity".
const program = `
import json, math, sys
import mlflow
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
scope = {'mlflow': mlflow, 'client': MlflowClient(sys.argv[1])}
def plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
    if isinstance(value, dict): return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)): return [plain(v) for v in value]
    return value
for line in sys.stdin:
    scope.pop('result', None)
    try:
        exec(json.loads(line), scope)
        answer = {'result': plain(scope.get('result'))}
    except Exception as error:
        answer = {'error': f'{type(error).__name__}: {error}'}
    sys.__stdout__.write('answer ' + json.dumps(answer) + chr(10))
    sys.__stdout__.flush()
`

export const startPeer = (url: string, environment: Readonly<Record<string, string>> = {}): Peer => {
  const process_ = spawn(python, ['-c', program, url], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...quiet, ...environment },
  })
  const lines: Interface = createInterface({ input: process_.stdout })
  const waiting: ((line: string | undefined) => void)[] = []
  lines.on('line', (line) => line.startsWith('answer ') && waiting.shift()?.(line.slice('answer '.length)))
  process_.on('exit', () => waiting.splice(0).forEach((next) => next(undefined)))
  return {
    async run<T>(code: string): Promise<T> {
      const line = await new Promise<string | undefined>((resolve) => {
        waiting.push(resolve)
        process_.stdin.write(`${JSON.stringify(code)}\n`)
      })
      const answer = JSON.parse(line ?? '{"error":"the Python process ended"}') as { result: T; error?: string }
      if (answer.error !== undefined) throw new Error(`${answer.error}\nin: ${code}`)
      return answer.result
    },
    async [Symbol.asyncDispose]() {
      process_.stdin.end()
      if (process_.exitCode === null) await new Promise((resolve) => process_.once('exit', resolve))
    },
  }
}

/** A value as a Python literal. */
export const literal = (value: string | readonly string[]): string => JSON.stringify(value)

/** All of an iteration. */
export const gather = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
