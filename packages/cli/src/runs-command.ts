// `mixlab runs list` and `mixlab runs show`.
import { basename } from 'node:path'
import { styleText } from 'node:util'
import { MixlabError, nearMisses } from '@mixlab/core'
import { findRun, listRuns, openRun, runsFolder, type RunRecord, toJson } from '@mixlab/lab'
import { problemLine } from './problem.ts'
import { resultLines, resultText } from './result-text.ts'
import { duration, table, value } from './text.ts'

interface Options {
  readonly runs: string
  readonly json?: boolean
}

const seconds = (run: RunRecord): number => (Date.parse(run.finishedAt ?? '') - Date.parse(run.startedAt)) / 1000

const coloured = (status: RunRecord['status']): string =>
  styleText(
    status === 'finished' ? 'green' : status === 'running' ? 'cyan' : status === 'failed' ? 'red' : 'yellow',
    status,
  )

/** A record, or why it cannot be read: one bad directory does not hide the others. */
async function read(path: string): Promise<{ path: string; record?: RunRecord; problem?: string }> {
  try {
    return { path, record: await openRun(path) }
  } catch (error) {
    return { path, problem: problemLine(error) }
  }
}

export async function listCommand(experiment: string | undefined, options: Options): Promise<void> {
  const folder = runsFolder(options.runs)
  const all = await Promise.all(listRuns(folder).map(read))
  const newest = all.toSorted((a, b) => basename(b.path).localeCompare(basename(a.path)))
  const records = newest.flatMap(({ record }) => (record ? [record] : []))
  const shown = records.filter((record) => experiment === undefined || record.experiment === experiment)
  if (options.json === true) return void process.stdout.write(`${toJson(shown, 2)}\n`)
  if (shown.length === 0 && experiment !== undefined && records.length > 0) {
    const known = [...new Set(records.map((record) => record.experiment))]
    const near = nearMisses(experiment, known)
    throw new MixlabError(
      `no runs of "${experiment}" in ${folder}. ${near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Known: ${known.join(', ')}.`}`,
    )
  }
  const rows = shown.map((run) => [
    run.id,
    run.experiment,
    coloured(run.status),
    String(run.seed),
    run.finishedAt === undefined ? '–' : duration(seconds(run)),
    run.children.length > 0 ? `${run.children.length} children` : summary(run),
  ])
  process.stdout.write(
    rows.length > 0
      ? `${table(['run', 'experiment', 'status', 'seed', 'time', 'result'], rows)}\n`
      : `no runs in ${folder}\n`,
  )
  for (const { problem } of newest) if (problem !== undefined) process.stderr.write(`mixlab: ${problem}\n`)
}

const summary = (run: RunRecord): string =>
  run.status === 'failed'
    ? (run.error ?? '')
    : resultLines(run.result ?? {})
        .slice(0, 3)
        .map(([name, text]) => `${name} ${text}`)
        .join(', ')

export async function showCommand(wanted: string, options: Options): Promise<void> {
  const run = await openRun(findRun(wanted, runsFolder(options.runs)))
  if (options.json === true) return void process.stdout.write(`${toJson(run, 2)}\n`)
  const { machine, versions, git } = run
  const facts: [string, string | undefined][] = [
    ['run', run.path],
    ['experiment', run.experiment + (run.summary === undefined ? '' : `: ${run.summary}`)],
    ['status', coloured(run.status) + (run.error === undefined ? '' : `: ${run.error}`)],
    ['seed', String(run.seed)],
    ['started', run.startedAt],
    ['time', run.finishedAt === undefined ? undefined : duration(seconds(run))],
    [
      'engine',
      Object.entries(run.engine)
        .map(([name, fact]) => (name === 'name' ? value(fact) : `${name} ${value(fact)}`))
        .join(', '),
    ],
    ['precision', run.precision],
    [
      'machine',
      `${machine.processor}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB, ${machine.platform}`,
    ],
    ['versions', `mixlab ${versions.mixlab}, Node ${versions.node}`],
    ['commit', git && git.commit + (git.dirty === true ? ' with changes' : '')],
    ['script', run.script],
    ['command', run.command?.join(' ')],
  ]
  const known = facts.flatMap(([name, fact]) =>
    fact === undefined ? [] : [`${styleText('bold', name.padEnd(10))}  ${fact}`],
  )
  const config = typeof run.config === 'object' && run.config !== null ? resultLines({ ...run.config }) : []
  const width = Math.max(0, ...config.map(([name]) => name.length))
  const settings = config.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)
  const result = await resultText(run)
  const parts = [...known, styleText('bold', 'configuration'), ...settings, styleText('bold', 'result'), result]
  process.stdout.write(`${parts.filter(Boolean).join('\n')}\n`)
}
