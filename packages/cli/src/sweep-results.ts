// `mixlab sweep best` and `export`: what came out, for people and for programs.
import { parseValue } from '@mixlab/core'
import { findRun, runsFolder, toJson, writeAtomically } from '@mixlab/lab'
import { paretoFront, type Trial } from '@mixlab/studies'
import { freeOf, sweepOf, sweepReport } from '@mixlab/sweeps'
import { number, quoted, shown, value } from './text.ts'

interface ResultOptions {
  readonly runs: string
  readonly json?: boolean
}

/** `training.learningRate=0.003`: as `mixlab run --set` takes it; a text that would be read as something else is quoted. */
const assignment = (name: string, given: unknown): string =>
  `${name}=${typeof given === 'string' && parseValue(given) === given ? given : JSON.stringify(given)}`

export async function bestCommand(wanted: string, options: ResultOptions): Promise<void> {
  const directory = findRun(wanted, runsFolder(options.runs))
  const [report, sweep] = [await sweepReport(directory), await sweepOf(directory)]
  const finalists = report.finalists ?? {}
  const hasFinalists = Object.keys(finalists).length > 0
  const front = paretoFront(
    report.trials.filter(({ number: trial }) => !hasFinalists || Object.hasOwn(finalists, trial)),
    report.objectives.map(({ direction }) => direction),
  )
  const best = report.objectives.length === 1 ? front.slice(0, 1) : front
  if (options.json === true) return void process.stdout.write(`${toJson(best.map(plain), 2)}\n`)
  if (best.length === 0) return void process.stdout.write('no trial has finished yet\n')
  for (const trial of best) {
    const values = report.objectives.map(({ name }, index) => `${name} ${number(trial.values?.[index] ?? NaN)}`)
    const free = freeOf(trial)
    const set = [
      ...sweep.set,
      ...Object.entries(trial.parameters).map(([name, given]) => assignment(name, given)),
      ...(sweep.budget && free !== undefined ? [assignment(sweep.budget.free, free)] : []),
    ]
    process.stdout.write(
      `trial ${trial.number}  ${values.join('  ')}\n${Object.entries(trial.parameters)
        .map(([name, given]) => `  ${name}  ${value(given)}\n`)
        .join('')}mixlab run ${quoted(shown(sweep.script))}${set.map((each) => ` --set ${quoted(each)}`).join('')}\n`,
    )
  }
}

const plain = ({ number: trial, state, parameters, values }: Trial) => ({ trial, state, parameters, values })

/** A field as RFC 4180 has it. */
const cell = (given: unknown): string => {
  const text = given === undefined || given === null ? '' : typeof given === 'string' ? given : toJson(given)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export async function exportCommand(wanted: string, options: ResultOptions & { readonly out?: string }): Promise<void> {
  const report = await sweepReport(findRun(wanted, runsFolder(options.runs)))
  const parameters = [...new Set(report.trials.flatMap((trial) => Object.keys(trial.parameters)))]
  const objectives = report.objectives.map(({ name }) => name)
  const reasons = new Map(report.failures.map((failure) => [failure.number, failure.reason]))
  const rows = report.trials.map((trial) => ({
    trial: trial.number,
    state: trial.state,
    ...Object.fromEntries(objectives.map((name, index) => [name, trial.values?.[index]])),
    ...Object.fromEntries(parameters.map((name) => [name, trial.parameters[name]])),
    seconds:
      trial.startedAt === undefined || trial.finishedAt === undefined
        ? undefined
        : (trial.finishedAt - trial.startedAt) / 1000,
    reports: trial.intermediate.size,
    reason: reasons.get(trial.number),
    run: report.runs[trial.number]?.map(({ path }) => shown(path)).join(' '),
  }))
  const columns = ['trial', 'state', ...objectives, ...parameters, 'seconds', 'reports', 'reason', 'run']
  const text =
    options.json === true
      ? `${toJson(rows, 2)}\n`
      : [columns, ...rows.map((row) => columns.map((name) => (row as Record<string, unknown>)[name]))]
          .map((row) => `${row.map(cell).join(',')}\n`)
          .join('')
  if (options.out === undefined) process.stdout.write(text)
  else await writeAtomically(options.out, text)
}
