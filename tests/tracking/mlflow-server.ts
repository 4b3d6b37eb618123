// A real MLflow server, from Python: on a free port, with a store in a folder of the test's.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const python = process.env['MIXLAB_PEER_PYTHON'] ?? 'python3'

/** Whether Python can import these modules; if not, why. */
export function withoutPython(...modules: readonly string[]): string | undefined {
  const found = spawnSync(python, ['-c', modules.map((name) => `import ${name}`).join('; ')], { encoding: 'utf8' })
  if (found.status === 0) return undefined
  return `${python} cannot import ${modules.join(', ')}: set MIXLAB_PEER_PYTHON to one that can`
}

/** What a Python program prints, as JSON. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a cast with a name
export function runPython<T>(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): T {
  const ended = spawnSync(python, ['-c', program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, MLFLOW_ALLOW_FILE_STORE: 'true', ...env },
    maxBuffer: 1 << 28,
  })
  if (ended.status !== 0) throw new Error(ended.stderr)
  return JSON.parse(ended.stdout.trim().split('\n').at(-1)!) as T
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

export interface MlflowServer {
  readonly uri: string
  readonly port: number
  start(): Promise<void>
  /** SIGKILL, to it and its workers. */
  kill(): Promise<void>
}

export interface ServerOptions {
  /** `sqlite:///…` or a folder. */
  readonly store: string
  readonly artifacts: string
  /** It works when nothing else does: as near to a machine of its own as one machine gets. */
  readonly inTheBackground?: boolean
}

export async function mlflowServer({
  store,
  artifacts,
  inTheBackground = false,
}: ServerOptions): Promise<MlflowServer> {
  const port = await freePort()
  const uri = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const kill = async () => {
    if (!child?.pid || child.exitCode !== null) return
    const over = new Promise((resolve) => child!.once('exit', resolve))
    process.kill(-child.pid, 'SIGKILL')
    await over
  }
  const start = async () => {
    const args = ['--backend-store-uri', store, '--artifacts-destination', artifacts]
    const server = [python, '-m', 'mlflow', 'server', ...args, '--port', String(port), '--workers', '1']
    const [command, ...rest] = inTheBackground ? ['nice', '-n', '19', ...server] : server
    child = spawn(command!, rest, {
      env: { ...process.env, MLFLOW_ALLOW_FILE_STORE: 'true' },
      detached: true,
      stdio: 'ignore',
    })
    for (let i = 0; i < 600; i++) {
      const answer = await fetch(`${uri}/health`).catch(() => undefined)
      if (answer?.ok) return
      await delay(200)
    }
    throw new Error('the MLflow server did not start')
  }
  await start()
  return { uri, port, start, kill }
}
