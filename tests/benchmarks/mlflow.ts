// `pnpm bench mlflow`: metric points to a real MLflow server (SQLite store), our client beside Python's, by turns against
// one server. The server does most of the work whoever sends, so what it takes is shown as well: processor time of the
// server per thousand points is the floor of any client's time on one connection, and divided by the processors, of any
// client's at all; besides, SQLite lets one writer in at a time.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { MixlabError } from '@mixlab/core'
import { writeAtomically } from '@mixlab/lab'
import { createMlflowClient, type MetricPoint } from 'mlflow-node-client'
import {
  type MlflowServer,
  peerHas,
  python,
  startMlflow,
} from '../../packages/mlflow-node-client/test/support/mlflow.ts'
import { median } from './timing.ts'

const here = import.meta.dirname
const keys = 20

const usage = `pnpm bench mlflow --peer [options]
  --peer              run Python's log_batch loop beside ours; the server is Python's in any case
                      (python3 with mlflow, or MIXLAB_PEER_PYTHON)
  --points N          metric points a turn (default 100000)
  --rounds N          turns of each; medians are taken over them (default 3)
  --concurrency LIST  requests that our client has in flight (default 1,4)
  --workers N         the server's processes (default 4, as MLflow's)
  --out FILE          where the JSON goes (default docs/benchmarks/mlflow.json)`

interface Turn {
  readonly runId: string
  readonly seconds: number
  readonly clientCpuSeconds: number
  readonly serverCpuSeconds: number
  /** The machine's load in the last minute, when the turn ended. */
  readonly load: number
}

const count = (option: string, given: string): number => {
  if (Number.isInteger(Number(given)) && Number(given) > 0) return Number(given)
  throw new MixlabError(`--${option} is ${given}, expected a whole number from 1`)
}

export async function benchMlflow(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'boolean', default: false },
      points: { type: 'string', default: '100000' },
      rounds: { type: 'string', default: '3' },
      concurrency: { type: 'string', default: '1,4' },
      workers: { type: 'string', default: '4' },
      out: { type: 'string', default: join(here, '../../docs/benchmarks/mlflow.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const [points, rounds, workers] = [
    count('points', values.points),
    count('rounds', values.rounds),
    count('workers', values.workers),
  ]
  const lanes = values.concurrency.split(',').map((lane) => count('concurrency', lane))
  if (!peerHas('this benchmark', 'mlflow'))
    throw new MixlabError(`there is no mlflow in ${python}; pip install mlflow, or set MIXLAB_PEER_PYTHON`)

  await using server = await startMlflow({ workers })
  const sides: [string, () => Promise<Omit<Turn, 'serverCpuSeconds' | 'load'>>][] = lanes.map((concurrency) => [
    `mlflow-node-client, ${concurrency} in flight`,
    () => ours(server, points, concurrency),
  ])
  if (values.peer) {
    sides.unshift(
      ['MlflowClient.log_batch (Python)', async () => theirs(server, points, 1000)],
      ['MlflowClient.log_batch (Python), a call a step', async () => theirs(server, points, keys)],
    )
  }
  const turns = new Map<string, Turn[]>(sides.map(([name]) => [name, []]))

  // Each worker imports and compiles what it needs on its first requests.
  await ours(server, Math.min(points, 8000), 4)
  mkdirSync(dirname(values.out), { recursive: true })
  for (let done = 1; done <= rounds; done++) {
    for (const [name, send] of sides) {
      const before = groupCpuSeconds(server.pid)
      const turn = await send()
      const arrived = stored(server, turn.runId)
      if (arrived !== points) throw new Error(`${name}: ${arrived} of ${points} points are in the store`)
      const serverCpuSeconds = round(groupCpuSeconds(server.pid) - before)
      turns.get(name)!.push({ ...turn, serverCpuSeconds, load: round(loadavg()[0]!) })
      console.log(`round ${done}: ${name}: ${Math.round(points / turn.seconds)} points/s`)
    }
    // After each round: a long run may be ended before its last.
    const report = reportOf(turns, values.peer, { points, rounds: done, workers })
    await writeAtomically(values.out, `${JSON.stringify(report, null, 2)}\n`)
    if (done === rounds) printReport(report)
  }
}

type Report = ReturnType<typeof reportOf>

const reportOf = (
  turns: ReadonlyMap<string, readonly Turn[]>,
  withPeer: boolean,
  setting: { points: number; rounds: number; workers: number },
) => {
  const { points } = setting
  const rows = [...turns].map(([name, all]) => {
    const middle = (of: (turn: Turn) => number): number => median(all.map(of))
    return {
      name,
      pointsPerSecond: Math.round(middle(({ seconds }) => points / seconds)),
      clientCpuMsPerThousand: round(middle(({ clientCpuSeconds }) => (clientCpuSeconds / points) * 1e6)),
      serverCpuMsPerThousand: round(middle(({ serverCpuSeconds }) => (serverCpuSeconds / points) * 1e6)),
      turns: all,
    }
  })
  const [peer, perStep] = withPeer ? rows : []
  const cores = availableParallelism()
  const gain = peer && (peer.clientCpuMsPerThousand + peer.serverCpuMsPerThousand) / peer.serverCpuMsPerThousand
  return {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores },
    node: process.version,
    ...setting,
    keys,
    rows,
    ratios:
      peer &&
      perStep &&
      rows.slice(2).map(({ name, pointsPerSecond }) => ({
        name,
        ratio: round(pointsPerSecond / peer.pointsPerSecond),
        /** Beside a loop that logs each step's metrics as the step ends, as training loops do. */
        ratioToCallAStep: round(pointsPerSecond / perStep.pointsPerSecond),
      })),
    /** What a client that cost nothing would gain: on one connection; were the server spread over all processors, and were nothing ever to wait for SQLite's one writer. */
    bounds: gain && { oneConnection: round(gain), allProcessors: round(cores * gain) },
  }
}

const printReport = ({ rows, ratios, bounds, machine }: Report): void => {
  console.table(rows.map(({ turns: _turns, ...row }) => row))
  for (const { name, ratio, ratioToCallAStep } of ratios ?? [])
    console.log(`${name}: ${ratio} × Python's rate, ${ratioToCallAStep} × that of a call a step`)
  if (bounds)
    console.log(
      `A client that cost nothing would have ${bounds.oneConnection} × on one connection, and on all ${machine.cores} processors at most ${bounds.allProcessors} ×.`,
    )
}

const round = (value: number): number => Math.round(value * 100) / 100

async function ours(
  server: MlflowServer,
  points: number,
  concurrency: number,
): Promise<Omit<Turn, 'serverCpuSeconds' | 'load'>> {
  using client = createMlflowClient({ trackingUri: server.url, environment: {} })
  const { runId } = await client.runs.create({ experimentId: '0' })
  const metrics: MetricPoint[] = Array.from({ length: points }, (_, index) => {
    const step = Math.floor(index / keys)
    return { key: `metric ${index % keys}`, value: index * 0.37, timestamp: 1_700_000_000_000 + step, step }
  })
  await client.runs.logParams(runId, { connected: 'yes' })
  const [begin, beginCpu] = [performance.now(), process.cpuUsage()]
  await client.runs.logBatch(runId, { metrics }, { concurrency })
  const { user, system } = process.cpuUsage(beginCpu)
  return { runId, seconds: (performance.now() - begin) / 1000, clientCpuSeconds: (user + system) / 1e6 }
}

function theirs(server: MlflowServer, points: number, batch: number): Omit<Turn, 'serverCpuSeconds' | 'load'> {
  const program = join(here, 'peer/log_batch.py')
  const { status, stdout, stderr } = spawnSync(python, [program, server.url, String(points), String(batch)], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`Python's log_batch failed:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Omit<Turn, 'serverCpuSeconds' | 'load'>
}

const stored = (server: MlflowServer, runId: string): number => {
  const database = new DatabaseSync(join(server.folder, 'mlflow.db'), { readOnly: true })
  try {
    return database.prepare('SELECT count(*) AS n FROM metrics WHERE run_uuid = ?').get(runId)!['n'] as number
  } finally {
    database.close()
  }
}

/** Processor time of all processes of a group, as Linux counts it (in hundredths of a second). */
function groupCpuSeconds(group: number): number {
  let ticks = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      // After the name in brackets: state, ppid, pgrp, …, utime and stime as fields 14 and 15 of the line.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      if (fields[2] === String(group)) ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has ended meanwhile.
    }
  return ticks / 100
}
