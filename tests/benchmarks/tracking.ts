// `pnpm bench tracking`: what a tracker costs a run. A machine's speed moves by more than the two percent in question within
// seconds, so that runs one after the other show nothing. Here two trainings that differ in nothing but the tracker live at
// once and take turns: one is stopped (SIGSTOP, its tracker's process with it) while the other works for a second or two,
// and each turn is compared with its neighbour. Training has one thread, so that on two cores the other one is the
// tracker's; the server gets its points when the turns are over (tracking-faults.ts). Afterwards all is pushed and the points
// are counted at the server.
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MixlabError, writeAtomically } from '@mixlab/core'
import { pushRunTo, readEvents } from '@mixlab/lab'
import { createMlflowClient } from 'mlflow-node-client'
import { mlflowServer } from '../tracking/mlflow-server.ts'
import { median } from './timing.ts'
import { faults, faultyWay } from './tracking-faults.ts'
import type { Demand, Mark, Report, TrackingOrder } from './tracking-run.ts'

const usage = 'pnpm bench tracking [--pairs N] [--window SECONDS] [--warm S] [--only FAULT,…] [--out FILE]'
/** A tracked run is to make at least this share of an untracked one's steps. */
const bound = 0.98
const nobody = 'http://127.0.0.1:9'

interface Turn {
  readonly steps: number
  readonly seconds: number
  readonly cpuSeconds: number
}

/** A turn of the untracked run and one of the tracked, next to each other. */
interface Pair {
  readonly untracked: Turn
  readonly tracked: Turn
}

function numberOf(args: readonly string[], flag: string, usual: number): number {
  const at = args.indexOf(flag)
  const value = at < 0 ? usual : Number(args[at + 1])
  if (!(value > 0)) throw new MixlabError(`${flag} ${args[at + 1]}: expected a number above 0. ${usage}`)
  return value
}

const textOf = (args: readonly string[], flag: string): string | undefined =>
  args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined

/** A training that can be stopped and continued, together with its tracker's process. */
class Training {
  readonly #child: ChildProcess
  readonly #ended: Promise<string>

  constructor(order: TrackingOrder) {
    this.#child = fork(join(import.meta.dirname, 'tracking-run.ts'), [JSON.stringify(order)], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, MIXLAB_THREADS: '1' },
    })
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on('message', (report: Report) => 'path' in report && resolve(report.path))
      this.#child.on('close', (code) => reject(new MixlabError(`a run of the benchmark ended with exit code ${code}`)))
    })
    // Whoever waits for the end is told; until then it is nobody's.
    this.#ended.catch(() => undefined)
  }

  async #mark(): Promise<Mark> {
    this.#child.send('mark' satisfies Demand)
    return Promise.race([
      new Promise<Mark>((resolve) => {
        const listen = (report: Report) => {
          if (!('mark' in report)) return
          this.#child.off('message', listen)
          resolve(report.mark)
        }
        this.#child.on('message', listen)
      }),
      this.#ended.then(() => {
        throw new MixlabError('a run of the benchmark ended early')
      }),
    ])
  }

  stop(): void {
    process.kill(-this.#child.pid!, 'SIGSTOP')
  }

  /** Works for that long, from the end of a step to the end of a step, then stops. */
  async turn(seconds: number): Promise<Turn> {
    process.kill(-this.#child.pid!, 'SIGCONT')
    await delay(150)
    const begin = await this.#mark()
    await delay(1000 * seconds)
    const end = await this.#mark()
    this.stop()
    return {
      steps: end.step - begin.step,
      seconds: (end.time - begin.time) / 1000,
      cpuSeconds: end.cpu - begin.cpu,
    }
  }

  /** @returns the run directory */
  async end(): Promise<string> {
    process.kill(-this.#child.pid!, 'SIGCONT')
    this.#child.send('end' satisfies Demand)
    const path = await this.#ended
    // Its tracker's process may still try.
    this.kill()
    return path
  }

  /** It and its tracker's process. */
  kill(): void {
    try {
      process.kill(-this.#child.pid!, 'SIGKILL')
    } catch {
      // All of them have ended.
    }
  }
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

interface Measured {
  readonly pairs: readonly Pair[]
  readonly points: { readonly logged: number; readonly stored: number; readonly doubled: number }
}

/** Tracked over untracked, a ratio for each pair. */
const ratios = ({ pairs }: Measured, of: (turn: Turn) => number): number[] =>
  pairs.map(({ untracked, tracked }) => of(tracked) / of(untracked))

/** The median, and a 95 % interval for it from order statistics (the binomial distribution's normal approximation). */
function medianInterval(values: readonly number[]): { middle: number; low: number; high: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const half = 0.98 * Math.sqrt(sorted.length)
  const at = (rank: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(rank)))]!
  const centre = (sorted.length - 1) / 2
  return { middle: median(values), low: at(centre - half), high: at(centre + half) }
}

const shown = ({ middle, low, high }: ReturnType<typeof medianInterval>): string =>
  `${middle.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`

export async function benchTracking(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return console.log(usage)
  const [count, window, warm] = [
    numberOf(args, '--pairs', 40),
    numberOf(args, '--window', 1.5),
    numberOf(args, '--warm', 8),
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
    inTheBackground: true,
  })
  const way = await faultyWay(new URL(server.uri))
  const measured: Record<string, Measured> = {}
  const loads: number[] = []
  console.log(`tracked over untracked, ${count} pairs of ${window} s: median (95 % interval)`)
  console.log(`${''.padEnd(14)}${'steps/s'.padEnd(22)}${'processors a step'.padEnd(22)}points at the server after push`)
  try {
    for (const fault of only) {
      way.begin(fault)
      const runs = join(folder, 'runs')
      const untracked = new Training({ runs, uri: null })
      const tracked = new Training({ runs, uri: fault === 'refused' ? nobody : way.uri })
      try {
        await Promise.all([untracked.turn(warm), tracked.turn(warm)])
        const pairs: Pair[] = []
        for (let pair = 0; pair < count; pair++) {
          // Who is first changes, so that a drift of the machine favours neither.
          const first = pair % 2 === 0 ? untracked : tracked
          const one = await first.turn(window)
          const other = await (first === untracked ? tracked : untracked).turn(window)
          pairs.push(first === untracked ? { untracked: one, tracked: other } : { untracked: other, tracked: one })
          loads.push(loadavg()[0]!)
        }
        await untracked.end()
        const path = await tracked.end()
        way.begin('none')
        await way.deliver()
        await pushRunTo(path, { track: ['mlflow'], trackSet: [`mlflow.uri=${server.uri}`] })
        measured[fault] = { pairs, points: await countPoints(server.uri, path) }
        report(fault, measured[fault])
      } finally {
        untracked.kill()
        tracked.kill()
      }
    }
    console.log(
      `load of the machine, ours (1 to 2) included: ${Math.min(...loads).toFixed(1)}–${Math.max(...loads).toFixed(1)} on ${availableParallelism()} cores`,
    )
    const out = textOf(args, '--out')
    if (out !== undefined) {
      const machine = { cores: availableParallelism(), node: process.versions.node }
      const summary = Object.fromEntries(
        Object.entries(measured).map(([fault, one]) => [
          fault,
          {
            stepsPerSecond: medianInterval(ratios(one, ({ steps, seconds }) => steps / seconds)),
            processorsPerStep: medianInterval(ratios(one, ({ steps, cpuSeconds }) => cpuSeconds / steps)),
            points: one.points,
          },
        ]),
      )
      await writeAtomically(
        out,
        `${JSON.stringify({ date: new Date().toISOString(), machine, load: median(loads), pairs: count, window, warm, summary }, undefined, 1)}\n`,
      )
    }
  } finally {
    way.close()
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

function report(fault: string, measured: Measured): void {
  const speed = medianInterval(ratios(measured, ({ steps, seconds }) => steps / seconds))
  const cost = medianInterval(ratios(measured, ({ steps, cpuSeconds }) => cpuSeconds / steps))
  const { logged, stored, doubled } = measured.points
  const exact = logged === stored && doubled === 0 ? '' : '  NOT EXACT'
  const verdict = speed.middle >= bound ? '' : `  below ${bound}`
  console.log(
    `${fault.padEnd(14)}${shown(speed).padEnd(22)}${shown(cost).padEnd(22)}${stored} of ${logged}, ${doubled} twice${exact}${verdict}`,
  )
}
