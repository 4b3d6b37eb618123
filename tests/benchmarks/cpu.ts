// `pnpm bench cpu`: each workload in a process of its own (thread counts are fixed at start), ours and the peer's taking
// turns in the same run, so that a ratio is of two figures taken minutes apart at most. Medians over rounds.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from '@mixlab/cli'

interface Figure {
  readonly value: number
  readonly unit: 'GFLOP/s' | 'ms'
}
type Figures = Record<string, Figure>

const here = import.meta.dirname
const usage = `pnpm bench cpu [options]
  --peer           run the same in PyTorch where a python3 with torch is found (or MIXLAB_PEER_PYTHON)
  --threads LIST   thread counts to measure (default 1,2)
  --rounds N       processes a workload and thread count; medians are taken over them (default 3)
  --repeats N      timed steps a process (default 10)
  --only LIST      workloads: matmul-256, matmul-512, matmul-1024, nanogpt-step, olmoe-step, plain-mixture-step
  --out FILE       where the JSON goes (default docs/benchmarks/cpu.json)`

function measure(command: string, args: readonly string[], threads: number): Figures | string {
  const run = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, MIXLAB_THREADS: String(threads) } })
  const last = run.stdout?.trim().split('\n').at(-1)
  if (run.status !== 0 || !last)
    return run.error?.message ?? run.stderr.trim().split('\n').at(-1) ?? `exit ${run.status}`
  return JSON.parse(last) as Figures
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

function findPeer(): string | undefined {
  const candidates = [process.env['MIXLAB_PEER_PYTHON'], 'python3'].filter((path) => path !== undefined)
  return candidates.find((python) => spawnSync(python, ['-c', 'import torch, transformers']).status === 0)
}

export function benchCpu(args: readonly string[]): void {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'boolean', default: false },
      threads: { type: 'string', default: availableParallelism() > 1 ? '1,2' : '1' },
      rounds: { type: 'string', default: '3' },
      repeats: { type: 'string', default: '10' },
      only: { type: 'string', default: '' },
      out: { type: 'string', default: join(here, '../../docs/benchmarks/cpu.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const python = values.peer ? findPeer() : undefined
  if (values.peer && !python)
    console.log('No peer: no python3 with torch and transformers was found (set MIXLAB_PEER_PYTHON to one).')
  const only = values.only.split(',').filter(Boolean)
  const measured: Record<string, { ours: number[]; peer: number[]; unit: string }> = {}
  const versions: Record<string, unknown> = {}
  const note = (threads: number, side: 'ours' | 'peer', figures: Figures | string) => {
    if (typeof figures === 'string') return console.error(`${side}, ${threads} threads: ${figures}`)
    for (const [name, figure] of Object.entries(figures)) {
      if (name === 'versions') versions[side] = figure
      else (measured[`${name} · ${threads}`] ??= { ours: [], peer: [], unit: figure.unit })[side].push(figure.value)
    }
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const threads of values.threads.split(',').map(Number)) {
      process.stderr.write(`round ${round + 1} of ${values.rounds}, ${threads} thread${threads > 1 ? 's' : ''} …\n`)
      note(
        threads,
        'ours',
        measure(process.execPath, [join(here, 'cpu-workloads.ts'), values.repeats, ...only], threads),
      )
      if (python)
        note(
          threads,
          'peer',
          measure(python, [join(here, 'peer.py'), String(threads), values.repeats, ...only], threads),
        )
    }
  }
  const rows = Object.entries(measured).map(([key, { ours, peer, unit }]) => {
    const [workload, threads] = key.split(' · ')
    const mine = ours.length > 0 ? median(ours) : null
    const theirs = peer.length > 0 ? median(peer) : null
    return {
      workload,
      threads: Number(threads),
      unit,
      mixlab: mine,
      pytorch: theirs,
      ratio: mine !== null && theirs !== null ? mine / theirs : null,
    }
  })
  const shown = (value: number | null, digits?: number) =>
    value === null ? '–' : value.toFixed(digits ?? (value < 10 ? 2 : 1))
  const lines = rows.map((row) => [
    `${row.workload}, ${row.unit}`,
    String(row.threads),
    shown(row.mixlab),
    shown(row.pytorch),
    shown(row.ratio, 2),
  ])
  console.log(table(['workload', 'threads', 'mixlab', 'PyTorch', 'ratio'], lines))
  console.log('ratio = mixlab / PyTorch: for GFLOP/s higher is better, for ms lower is better.')
  const report = {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism() },
    node: process.version,
    versions,
    rows,
  }
  mkdirSync(dirname(values.out), { recursive: true })
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`Written to ${relative(process.cwd(), values.out)}`)
}
