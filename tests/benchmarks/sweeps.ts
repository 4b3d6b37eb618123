// `pnpm bench sweeps`: our samplers beside Optuna's of the same kind (sweeps-studies.ts), and how long TPE takes to ask
// (sweeps-ask-times.ts). The JSON's layout is `Report`.
import { readFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { MixlabError } from '@mixlab/core'
import { writeAtomically } from '@mixlab/lab'
import { findPython } from './peer-process.ts'
import { type AskTime, timeAsks } from './sweeps-ask-times.ts'
import { problems, samplerNames } from './sweeps-problems.ts'
import { askTableOf, tableOf } from './sweeps-report.ts'
import { runStudies, type Studies } from './sweeps-studies.ts'

/** Each part with the machine's load when it began. */
interface Report {
  readonly studies?: Studies & { readonly load: number }
  readonly ask?: { readonly load: number; readonly times: readonly AskTime[] }
}

const names = problems.map(({ name }) => name)

const usage = `pnpm bench sweeps [options]
  --peer           the same with Optuna, where a python3 with optuna, cmaes and scipy is found (or MIXLAB_PEER_PYTHON)
  --parts LIST     studies, ask (default both; the part that is left out stays in the file as it is)
  --seeds N        studies of each problem and sampler (default 30)
  --trials N       trials of a study (default 100)
  --only LIST      problems: ${names.join(', ')};
                   the others' figures, of as many seeds and trials, stay in the file as they are
  --samplers LIST  ${samplerNames.join(', ')}; likewise
  --jobs N         Optuna's processes at a time (default the number of cores); asks are timed alone
  --rounds N       turns of the two sides in timing TPE's ask (default 5)
  --out FILE       where the JSON goes (default docs/benchmarks/sweeps.json)`

/** The items of a comma-separated option. @throws MixlabError on one that is not known */
function listOf<T extends string>(option: string, given: string, known: readonly T[]): readonly T[] {
  const items = given.split(',').filter(Boolean)
  const bad = items.find((item) => !known.includes(item as T))
  if (bad !== undefined) throw new MixlabError(`--${option}: there is no "${bad}". Known: ${known.join(', ')}.`)
  return items.length === 0 ? known : (items as T[])
}

/** @throws MixlabError on what is no count */
function countOf(option: string, given: string): number {
  const count = Number(given)
  if (Number.isInteger(count) && count > 0) return count
  throw new MixlabError(`--${option} is ${given}, expected a whole number from 1`)
}

async function reportIn(path: string): Promise<Report> {
  const text = await readFile(path, 'utf8').catch(() => '{}')
  return JSON.parse(text) as Report
}

export async function benchSweeps(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'boolean', default: false },
      parts: { type: 'string', default: '' },
      seeds: { type: 'string', default: '30' },
      trials: { type: 'string', default: '100' },
      only: { type: 'string', default: '' },
      samplers: { type: 'string', default: '' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      rounds: { type: 'string', default: '5' },
      out: { type: 'string', default: join(import.meta.dirname, '../../docs/benchmarks/sweeps.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const parts = listOf('parts', values.parts, ['studies', 'ask'])
  const only = listOf('only', values.only, names)
  const [rounds, jobs] = [countOf('rounds', values.rounds), countOf('jobs', values.jobs)]
  const python = values.peer ? findPython(['optuna', 'cmaes', 'scipy']) : undefined
  if (values.peer && python === undefined)
    console.log('No peer: no python3 with optuna, cmaes and scipy was found (set MIXLAB_PEER_PYTHON to one).')
  let report = await reportIn(values.out)
  const plan = {
    problems: problems.filter(({ name }) => only.includes(name)),
    samplers: listOf('samplers', values.samplers, samplerNames),
    seeds: countOf('seeds', values.seeds),
    trials: countOf('trials', values.trials),
    jobs,
    python,
    earlier: report.studies,
  }
  let written = Promise.resolve()
  /** One write after the other: of several at once the last to be renamed need not be the last one asked for. */
  const keep = (part: Report): Promise<void> => {
    report = { ...report, ...part }
    const text = `${JSON.stringify(report, null, 1)}\n`
    return (written = written.then(() => writeAtomically(values.out, text)))
  }
  if (parts.includes('studies')) {
    const load = loadavg()[0]!
    const studies = await runStudies(plan, (each) => keep({ studies: { load, ...each } }))
    console.log(tableOf(studies.comparisons))
    for (const { problem, sampler, corrected = 1 } of studies.comparisons)
      if (corrected <= 0.05) console.log(`Worse than Optuna's: ${sampler} on ${problem}`)
  }
  if (parts.includes('ask') && python !== undefined) {
    const load = loadavg()[0]!
    const times = [await timeAsks(python, 'float', rounds), await timeAsks(python, 'int', rounds)]
    await keep({ ask: { load, times } })
    console.log(`\n${askTableOf(times)}`)
  }
  console.log(`Written to ${relative(process.cwd(), values.out)}`)
}
