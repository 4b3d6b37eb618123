// A Ray cluster of one machine, for tests: a head node with its Jobs API on a port of its own, from a Python with
// `ray[default]` (MIXLAB_PEER_PYTHON, or python3).
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RayCluster {
  /** Of its dashboard. */
  readonly address: string
  /** Kills all of the head node's processes, as when its machine loses its power; what jobs started is Ray's to end. */
  killHead(): void
  startHead(): Promise<void>
  /** Adds a node that has the custom resource `worker`. */
  startWorker(): Promise<void>
  /** Kills the added nodes' own processes. */
  killWorkers(): void
  stop(): Promise<void>
}

const python = process.env['MIXLAB_PEER_PYTHON'] ?? 'python3'

/** Why there can be no cluster here; undefined where there can. */
export function rayMissing(): string | undefined {
  const found = spawnSync(python, ['-c', 'import ray.dashboard.modules.job.job_head, aiohttp'], { stdio: 'ignore' })
  return found.status === 0
    ? undefined
    : `${python} has no ray (pip install "ray[default]", and MIXLAB_PEER_PYTHON names that Python)`
}

export async function startRay(cpus = 8): Promise<RayCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'ray-'))
  const [port, dashboard] = [await freePort(), await freePort()]
  const env = { ...process.env, RAY_USAGE_STATS_ENABLED: '0', RAY_ADDRESS: '' }
  let head: number | undefined
  const workers: number[] = []

  /** A node's processes are one process group. @returns its id, once the node is up */
  const start = (...args: string[]) =>
    new Promise<number>((resolve, reject) => {
      const child = spawn(
        python,
        ['-m', 'ray.scripts.scripts', 'start', '--num-gpus=0', '--object-store-memory=100000000', ...args],
        { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
      )
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (text: Buffer) => (output += text.toString()))
      child.on('error', reject)
      child.on('exit', (code) =>
        code === 0 ? resolve(child.pid!) : reject(new Error(`ray start ${args.join(' ')}: ${output.slice(-2000)}`)),
      )
    })

  const kill = (group: number) => {
    try {
      process.kill(-group, 'SIGKILL')
    } catch {
      // A test has killed it.
    }
  }

  const cluster: RayCluster = {
    address: `http://127.0.0.1:${dashboard}`,
    async startHead() {
      head = await start(
        '--head',
        `--port=${port}`,
        '--dashboard-host=127.0.0.1',
        `--dashboard-port=${dashboard}`,
        `--num-cpus=${cpus}`,
        `--temp-dir=${folder}`,
      )
    },
    killHead: () => kill(head!),
    async startWorker() {
      workers.push(await start(`--address=127.0.0.1:${port}`, '--num-cpus=4', '--resources={"worker": 4}'))
    },
    killWorkers: () => workers.splice(0).forEach(kill),
    async stop() {
      cluster.killWorkers()
      cluster.killHead()
      // Its agents notice within seconds, and still write meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 1000))
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 500 })
    },
  }
  await cluster.startHead()
  return cluster
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
