// `pnpm bench cpu`: our engine and its peer take turns, workload by workload, so that a ratio is of figures taken within the
// same minute: a machine that others use as well is now faster and now slower. Each side, workload, thread count, precision
// and set of instructions has a process of its own. What is printed is in
// cpu-tables.ts; the JSON's layout is `Report` in cpu-report.ts, each field described where it is declared:
//   rows            ours, by isa, precision, threads, workload, beside PyTorch's best, with floor, ratio, speed-up
//   pytorch         every variant of PyTorch's, or why it failed
//   machineFigures  best product, copy and read bandwidth, by precision and threads
//   bounds          the required figures, their values, whether they are met
import { mkdirSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { writeAtomically } from '@mixlab/lab'
import { Collection } from './cpu-collection.ts'
import { findPeer, isas } from './cpu-processes.ts'
import { reportOf } from './cpu-report.ts'
import { printReport } from './cpu-tables.ts'
import type { Precision } from './operations.ts'
import { countOf, listOf } from './options.ts'
import { workloadNames as workloads } from './workload-names.ts'

const here = import.meta.dirname
const precisions: readonly Precision[] = ['float32', 'bf16']

/** Workloads of which both sides are measured before the next ones are; those that PyTorch has one model for. */
const groups: readonly (readonly string[])[] = [
  ...workloads.filter((name) => !name.endsWith('mixture-step')).map((name) => [name]),
  workloads.filter((name) => name.endsWith('mixture-step')),
]

const usage = `pnpm bench cpu [options]
  --peer             run the same in PyTorch where a python3 with torch is found (or MIXLAB_PEER_PYTHON):
                     eager and compiled, Hugging Face's with each of its implementations of experts; variants that
                     fail or take three times the best's time are run in the first round only
  --threads LIST     thread counts to measure (default 1,2 where there are two cores)
  --precisions LIST  ${precisions.join(', ')} (default both; what an engine lacks is said to be not available)
  --isa LIST         instructions that our engine may use: ${isas.join(', ')} (default best: what it finds)
  --rounds N         processes a workload and thread count; medians are taken over them (default 3)
  --repeats N        timed steps a process (default 10)
  --only LIST        workloads: ${workloads.join(', ').replace('plain-', '\n                     plain-')}
  --out FILE         where the JSON goes (default docs/benchmarks/cpu.json)

What torch.compile makes is kept in node_modules/.cache: the first run with --peer takes some minutes more than the next.`

export async function benchCpu(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'boolean', default: false },
      threads: { type: 'string', default: availableParallelism() > 1 ? '1,2' : '1' },
      precisions: { type: 'string', default: precisions.join(',') },
      isa: { type: 'string', default: 'best' },
      rounds: { type: 'string', default: '3' },
      repeats: { type: 'string', default: '10' },
      only: { type: 'string', default: '' },
      out: { type: 'string', default: join(here, '../../docs/benchmarks/cpu.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const wanted = listOf('precisions', values.precisions, precisions)
  const instructions = listOf('isa', values.isa, isas)
  const only = listOf('only', values.only, workloads)
  const [rounds, repeats] = [countOf('rounds', values.rounds), countOf('repeats', values.repeats)]
  const counts = values.threads.split(',').map((count) => countOf('threads', count))
  const python = values.peer ? findPeer() : undefined
  if (values.peer && !python)
    console.log('No peer: no python3 with torch and transformers was found (set MIXLAB_PEER_PYTHON to one).')
  const load = loadavg()[0]!
  const collection = new Collection()
  /** Written after each round: a long run may be ended before its last. */
  const write = async (done: number) => {
    const { samples, versions, unavailable } = collection
    const report = reportOf({ samples, versions, unavailable: [...unavailable], rounds: done, repeats, load })
    mkdirSync(dirname(values.out), { recursive: true })
    await writeAtomically(values.out, `${JSON.stringify(report, null, 2)}\n`)
    return report
  }
  for (let round = 1; round <= rounds; round++) {
    for (const threads of counts) {
      for (const group of groups.filter((each) => only.length === 0 || each.some((name) => only.includes(name)))) {
        const measurement = {
          threads,
          repeats,
          only: only.length === 0 ? group : group.filter((name) => only.includes(name)),
        }
        const progress = (what: string) =>
          process.stderr.write(
            `round ${round} of ${rounds}, ${threads} thread${threads > 1 ? 's' : ''}, ${group.join(' and ')}, ${what} …\n`,
          )
        for (const precision of wanted) {
          for (const isa of instructions) {
            progress(`mixlab (${isa}), ${precision}`)
            await collection.ours(isa, precision, measurement)
          }
          if (!python) continue
          progress(`PyTorch, ${precision}`)
          await collection.peer(python, precision, measurement)
        }
      }
    }
    await write(round)
  }
  printReport(await write(rounds))
  console.log(`Written to ${relative(process.cwd(), values.out)}`)
}
