// `pnpm bench tracking`: what a tracker costs a run. Runs of the same training take turns, untracked and tracked by an MLflow
// server under each fault; a tracked run is compared with the untracked one of its round. Afterwards all are pushed, and
// every run's points are counted at the server.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { pushRunTo, readEvents } from '@mixlab/lab'
import { createMlflowClient } from 'mlflow-node-client'
import { mlflowServer } from '../tracking/mlflow-server.ts'
import { median } from './timing.ts'
import { faults, faultyWay } from './tracking-faults.ts'
import type { TrackingOrder, TrackingOutcome } from './tracking-run.ts'

const usage = 'pnpm bench tracking [--rounds N] [--seconds S] [--warm S] [--only FAULT,…] [--out FILE]'
/** A tracked run is to make at least this share of an untracked one's steps. */
const bound = 0.98
const nobody = 'http://127.0.0.1:9'

interface Row extends TrackingOutcome {
  readonly fault: string
  readonly round: number
  readonly load: number
}

function numberOf(args: readonly string[], flag: string, usual: number): number {
  const at = args.indexOf(flag)
  const value = at < 0 ? usual : Number(args[at + 1])
  if (!(value > 0)) throw new MixlabError(`${flag} ${args[at + 1]}: expected a number above 0. ${usage}`)
  return value
}

const textOf = (args: readonly string[], flag: string): string | undefined =>
  args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined

async function measure(order: TrackingOrder): Promise<TrackingOutcome> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'tracking-run.ts'), JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new MixlabError(`a run of the benchmark ended with exit code ${code}`)
  return JSON.parse(output.trim().split('\n').at(-1)!) as TrackingOutcome
}

/** What the run's log has of `train/loss`, and what the server has: each step once. */
async function countPoints(uri: string, path: string): Promise<{ logged: number; stored: number; doubled: number }> {
  let logged = 0
  for await (const event of readEvents(path)) if (event.type === 'train.step') logged++
  using client = createMlflowClient({ trackingUri: uri })
  const experiment = (await client.experiments.getByName('tracked'))!
  const filter = `tags.\`mixlab.run\` = '${path.split('/').at(-1)}'`
  const steps: number[] = []
  for await (const { runId } of client.runs.search({ experimentIds: [experiment.experimentId], filter }))
    for await (const { step } of client.runs.metricHistory(runId, 'train/loss')) steps.push(step)
  return { logged, stored: steps.length, doubled: steps.length - new Set(steps).size }
}

/** The median of `of` over the rounds, tracked over untracked, and the least and the largest. */
function ratios(rows: readonly Row[], fault: string, of: (row: Row) => number): number[] {
  const untracked = new Map(rows.filter((row) => row.fault === 'untracked').map((row) => [row.round, of(row)]))
  return rows.filter((row) => row.fault === fault).map((row) => of(row) / untracked.get(row.round)!)
}

const shown = (values: readonly number[]): string =>
  `${median(values).toFixed(3)} (${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)})`

export async function benchTracking(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return console.log(usage)
  const [rounds, seconds, warm] = [
    numberOf(args, '--rounds', 5),
    numberOf(args, '--seconds', 20),
    numberOf(args, '--warm', 5),
  ]
  const only = textOf(args, '--only')?.split(',') ?? Object.keys(faults)
  const unknown = only.find((name) => !(name in faults))
  if (unknown !== undefined)
    throw new MixlabError(`there is no fault "${unknown}". Known: ${Object.keys(faults).join(', ')}`)
  if (spawnSync(process.env['MIXLAB_PEER_PYTHON'] ?? 'python3', ['-c', 'import mlflow']).status !== 0)
    throw new MixlabError('MLflow is needed: set MIXLAB_PEER_PYTHON to a Python that can import it')
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-bench-tracking-'))
  const server = await mlflowServer({
    store: `sqlite:///${join(folder, 'mlflow.db')}`,
    artifacts: join(folder, 'artifacts'),
  })
  const way = await faultyWay(new URL(server.uri))
  const rows: Row[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      const arms = ['untracked', ...only]
      // Another order each round, so that none is always first.
      const turn = arms.map((_, index) => arms[(index + round) % arms.length]!)
      for (const fault of turn) {
        if (fault !== 'untracked') way.begin(fault)
        const uri = fault === 'untracked' ? null : fault === 'refused' ? nobody : way.uri
        const outcome = await measure({ runs: join(folder, 'runs'), uri, seconds, warmSeconds: warm })
        rows.push({ ...outcome, fault, round, load: loadavg()[0]! })
        const rate = (outcome.steps / outcome.seconds).toFixed(2)
        console.log(
          `round ${round + 1}  ${fault.padEnd(13)} ${rate} steps/s  ${((1000 * outcome.cpuSeconds) / outcome.steps).toFixed(1)} ms of processors a step`,
        )
      }
    }
    way.begin('none')
    const points = new Map<string, { logged: number; stored: number; doubled: number }[]>()
    for (const { fault, path } of rows) {
      if (fault === 'untracked') continue
      await pushRunTo(path, { track: ['mlflow'], trackSet: [`mlflow.uri=${server.uri}`] })
      points.set(fault, [...(points.get(fault) ?? []), await countPoints(server.uri, path)])
    }
    report(rows, only, points)
    const out = textOf(args, '--out')
    if (out !== undefined) {
      const machine = { cores: availableParallelism(), node: process.versions.node }
      writeFileSync(
        out,
        `${JSON.stringify({ date: new Date().toISOString(), machine, seconds, warm, rows, points: Object.fromEntries(points) }, undefined, 1)}\n`,
      )
    }
  } finally {
    way.close()
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

function report(
  rows: readonly Row[],
  names: readonly string[],
  points: ReadonlyMap<string, readonly { logged: number; stored: number; doubled: number }[]>,
): void {
  console.log('\ntracked over untracked, by rounds: median (least–largest)')
  console.log(`${''.padEnd(14)}${'steps/s'.padEnd(22)}${'processors a step'.padEnd(22)}points at the server after push`)
  for (const fault of names) {
    const speed = ratios(rows, fault, ({ steps, seconds }) => steps / seconds)
    const cost = ratios(rows, fault, ({ steps, cpuSeconds }) => cpuSeconds / steps)
    const counts = points.get(fault)!
    const sum = (of: 'logged' | 'stored' | 'doubled') => counts.reduce((total, count) => total + count[of], 0)
    const exact = counts.every(({ logged, stored, doubled }) => logged === stored && doubled === 0)
    const verdict = median(speed) >= bound ? '' : `  below ${bound}`
    console.log(
      `${fault.padEnd(14)}${shown(speed).padEnd(22)}${shown(cost).padEnd(22)}${sum('stored')} of ${sum('logged')}, ${sum('doubled')} twice${exact ? '' : '  NOT EXACT'}${verdict}`,
    )
  }
  const loads = rows.map(({ load }) => load)
  console.log(
    `other load on the machine: ${Math.min(...loads).toFixed(1)}–${Math.max(...loads).toFixed(1)} on ${availableParallelism()} cores`,
  )
}
