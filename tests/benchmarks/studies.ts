// `pnpm bench studies`: the trial store beside Optuna's journal storage on the same files. Opening: a process each time, by
// turns, medians. Appending: many processes that start at one signal, each append with its lock and its sync to the disk.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { MixlabError } from '@mixlab/core'
import { writeAtomically } from '@mixlab/lab'
import { createStudy } from '@mixlab/studies'
import { writeJournal } from './studies-journal.ts'
import { median } from './timing.ts'

const here = import.meta.dirname
/** What opening may take of Optuna's time. */
const required = 0.2

const usage = `pnpm bench studies [options]
  --peer           the same with Optuna, where a python3 with it is found (or MIXLAB_PEER_PYTHON)
  --trials N       of the journal that is opened (default 10000)
  --rounds N       of opening (default 5)
  --processes N    that append at once (default 64)
  --appends N      of each process (default 10)
  --out FILE       where the JSON goes (default docs/benchmarks/studies.json)`

type Side = 'mixlab' | 'optuna'
type Commands = Partial<Record<Side, readonly string[]>>

/** Runs the command to its end. @throws MixlabError with what it said when it fails */
function output(command: readonly string[], ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command[0]!, [...command.slice(1), ...args], { encoding: 'utf8' })
  if (status !== 0) throw new MixlabError(`${command.join(' ')} failed: ${stderr.trim().split('\n').at(-1)}`)
  return stdout
}

function measureOpening(commands: Commands, path: string, trials: number, rounds: number) {
  const samples: Partial<Record<Side, number[]>> = {}
  for (let round = 1; round <= rounds; round++) {
    for (const [side, command] of Object.entries(commands) as [Side, readonly string[]][]) {
      process.stderr.write(`opening ${trials} trials, round ${round} of ${rounds}, ${side} …\n`)
      const result = JSON.parse(output(command, 'open', path)) as { milliseconds: number; trials: number }
      if (result.trials !== trials) throw new Error(`${side} found ${result.trials} trials`)
      ;(samples[side] ??= []).push(result.milliseconds)
    }
  }
  return samples
}

/** @returns milliseconds from the signal until the last process was done */
async function measureAppending(
  command: readonly string[],
  path: string,
  processes: number,
  appends: number,
): Promise<number> {
  const children = Array.from({ length: processes }, () => {
    const child = spawn(command[0]!, [...command.slice(1), 'append', path, String(appends)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let said = ''
    const ready = new Promise<void>((resolve) =>
      child.stdout.on('data', (data: Buffer) => {
        said += data.toString()
        if (said.includes('ready')) resolve()
      }),
    )
    const done = new Promise<number>((resolve) =>
      child.on('close', () => resolve(Number(said.trim().split('\n').at(-1)))),
    )
    return { child, ready, done }
  })
  await Promise.race([Promise.all(children.map(({ ready }) => ready)), Promise.all(children.map(({ done }) => done))])
  const begun = Date.now()
  for (const { child } of children) child.stdin.end('g')
  const ends = await Promise.all(children.map(({ done }) => done))
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => line.includes('"user_attr"')).length
  if (lines !== processes * appends) throw new Error(`${lines} of ${processes * appends} appends are in the journal`)
  return Math.max(...ends) - begun
}

function findOptuna(): { python: string; version: string } | undefined {
  for (const python of [process.env['MIXLAB_PEER_PYTHON'], 'python3']) {
    if (python === undefined) continue
    const { status, stdout } = spawnSync(python, ['-c', 'import optuna; print(optuna.__version__)'], {
      encoding: 'utf8',
    })
    if (status === 0) return { python, version: stdout.trim() }
  }
  return undefined
}

function countOf(option: string, given: string): number {
  const count = Number(given)
  if (Number.isInteger(count) && count > 0) return count
  throw new MixlabError(`--${option} is ${given}, expected a whole number from 1`)
}

const shown = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`

export async function benchStudies(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'boolean', default: false },
      trials: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '5' },
      processes: { type: 'string', default: '64' },
      appends: { type: 'string', default: '10' },
      out: { type: 'string', default: join(here, '../../docs/benchmarks/studies.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const [trials, rounds] = [countOf('trials', values.trials), countOf('rounds', values.rounds)]
  const [processes, appends] = [countOf('processes', values.processes), countOf('appends', values.appends)]
  const optuna = values.peer ? findOptuna() : undefined
  if (values.peer && !optuna) console.log('No peer: no python3 with optuna was found (set MIXLAB_PEER_PYTHON to one).')
  const commands: Commands = {
    mixlab: [process.execPath, join(here, 'studies-worker.ts')],
    ...(optuna && { optuna: [optuna.python, join(here, 'peer/studies.py')] }),
  }
  const load = loadavg()[0]!
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-bench-studies-'))
  try {
    const journal = join(folder, 'journal.log')
    writeJournal(journal, trials)
    const opening = measureOpening(commands, journal, trials, rounds)
    const empty = join(folder, 'empty.log')
    await createStudy({ path: empty, directions: ['minimize'] })
    const appending: Partial<Record<Side, number>> = {}
    for (const [side, command] of Object.entries(commands) as [Side, readonly string[]][]) {
      process.stderr.write(`${processes} processes, ${appends} appends each, ${side} …\n`)
      const path = join(folder, `${side}.log`)
      copyFileSync(empty, path)
      appending[side] = await measureAppending(command, path, processes, appends)
    }
    const [ours, theirs] = [median(opening.mixlab!), opening.optuna && median(opening.optuna)]
    const report = {
      machine: { processor: cpus()[0]?.model, cores: cpus().length, loadBefore: load },
      versions: { node: process.versions.node, ...(optuna && { optuna: optuna.version }) },
      opening: {
        trials,
        milliseconds: opening,
        median: { mixlab: ours, ...(theirs && { optuna: theirs }) },
        ...(theirs && { ratio: ours / theirs, required, met: ours / theirs <= required }),
      },
      appending: {
        processes,
        appendsEach: appends,
        milliseconds: appending,
        ...(appending.optuna && { ratio: appending.mixlab! / appending.optuna }),
      },
    }
    mkdirSync(dirname(values.out), { recursive: true })
    await writeAtomically(values.out, `${JSON.stringify(report, null, 2)}\n`)
    const beside = (mixlab: number, peer: number | undefined) =>
      `${shown(mixlab)}${peer === undefined ? '' : `, Optuna ${shown(peer)}, ratio ${(mixlab / peer).toFixed(3)}`}`
    console.log(`opening ${trials} trials: ${beside(ours, theirs)}${theirs ? ` (required: ${required} at most)` : ''}`)
    console.log(`${processes} processes, ${appends} appends each: ${beside(appending.mixlab!, appending.optuna)}`)
    console.log(`Written to ${relative(process.cwd(), values.out)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
