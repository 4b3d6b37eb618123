// What a sweep's report is made from: the trial store, the run directories of its trials, and what those cost.
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { splitReference } from '@mixlab/core'
import { openRun, readEvents, type RunRecord, writeAtomically } from '@mixlab/lab'
import { renderSweepReport, type SweepReport } from '@mixlab/report'
import { sweepOf } from './sweep-files.ts'
import { finalistOf, infeasibleReason, isOurs, openSweepStudy, problemOf } from './sweep-study.ts'
import { SEEDS } from './trial-process.ts'

type Cost = NonNullable<SweepReport['cost']>[number]

/** Everything that there is to show about a sweep. @throws MixlabError when the directory is none. */
export async function sweepReport(directory: string): Promise<SweepReport> {
  const sweep = await sweepOf(directory)
  const record = await openRun(directory)
  const study = await openSweepStudy(directory, sweep, record.seed)
  const trials = study.trials.filter((trial) => infeasibleReason(trial) === undefined)
  const runs = new Map<number, RunRecord[]>()
  for (const child of record.children) {
    const number = Number(/^trial-(\d+)/.exec(child.name ?? '')?.[1])
    if (Number.isInteger(number)) runs.set(number, [...(runs.get(number) ?? []), child])
  }
  const costs = await Promise.all(
    [...runs].map(async ([number, [first]]): Promise<[number, Cost | undefined]> => [
      number,
      first && (await costOfRun(first.path)),
    ]),
  )
  const stopper = sweep.stopper === null ? undefined : splitReference(sweep.stopper).name
  return {
    name: record.id,
    experiment: record.experiment,
    ...(record.summary !== undefined && { summary: record.summary }),
    ...(record.command && { command: record.command.join(' ') }),
    startedAt: record.startedAt,
    ...(record.finishedAt !== undefined && { finishedAt: record.finishedAt }),
    status: record.status,
    space: study.space,
    objectives: sweep.objectives.map(({ metric, direction }) => ({ name: metric, direction })),
    trials,
    sampler: splitReference(sweep.sampler).name,
    ...(stopper !== undefined && { stopper }),
    seeds: sweep.seeds,
    pointSeeds: Object.fromEntries(
      trials.flatMap(({ number, userAttributes }) => {
        const bySeed = userAttributes[SEEDS] as number[][] | undefined
        if (!bySeed || bySeed.length < 2) return []
        return [
          [number, { values: sweep.objectives.map((_, objective) => bySeed.map((values) => values[objective]!)) }],
        ]
      }),
    ),
    finalists: Object.fromEntries(
      trials.flatMap((trial) => {
        const first = finalistOf(trial)
        return first === undefined || trial.state !== 'complete' ? [] : [[trial.number, first]]
      }),
    ),
    runs: Object.fromEntries(
      [...runs].map(([number, children]) => [
        number,
        children.map(({ path, seed, status }) => ({
          path,
          // A run's directory where it has no report: mixlab report writes one.
          report: `children/${basename(path)}/${existsSync(join(path, 'report.html')) ? 'report.html' : ''}`,
          seed,
          status,
        })),
      ]),
    ),
    cost: Object.fromEntries(costs.filter((entry): entry is [number, Cost] => entry[1] !== undefined)),
    infeasible: study.trials.flatMap((trial) => {
      const reason = infeasibleReason(trial)
      return reason === undefined ? [] : [{ parameters: trial.parameters, reason }]
    }),
    failures: trials.filter(isOurs).flatMap((trial) => {
      const problem = trial.state === 'failed' ? problemOf(trial) : undefined
      return problem ? [{ number: trial.number, reason: problem.message }] : []
    }),
  }
}

/** What the model that a run trained costs, by its own account. */
async function costOfRun(path: string): Promise<Cost | undefined> {
  for await (const event of readEvents(path)) {
    if (event.type !== 'train.started') continue
    const { parameters, activeParameters } = event
    return { totalParameters: parameters, activeParameters, flopsPerToken: 2 * activeParameters }
  }
  return undefined
}

/**
 * Writes the report of a sweep, one self-contained HTML file, as one indivisible step.
 * @param out the file; default `report.html` in the sweep's directory
 * @returns the file's path
 */
export async function writeSweepReport(directory: string, out?: string): Promise<string> {
  const path = out ?? join(directory, 'report.html')
  await writeAtomically(path, renderSweepReport(await sweepReport(directory)))
  return path
}
