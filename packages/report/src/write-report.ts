// Reads run directories and writes the page. Runs with children are shown as their children; a parent that also trained
// is an arm of its own. Runs that answered questions have sections of their own (agents/).
import { join } from 'node:path'
import { openRun, readEvents, type RunRecord, writeAtomically } from '@mixlab/lab'
import { MixlabError } from '@mixlab/core'
import { hasAnswers } from './agents/run-files.ts'
import { readAgentReport } from './agents/sections.ts'
import { groupArms, type Run } from './arms.ts'
import { renderPage } from './page.ts'
import { collectSeries } from './series.ts'

const hasOwn = ({ record, series }: Run): boolean =>
  record.children.length === 0 || series.loss.length > 0 || series.layers.length > 0 || hasAnswers(record.path)

/** The HTML of a report on runs that are already opened. */
export async function renderReport(roots: readonly RunRecord[]): Promise<string> {
  const all: Run[] = []
  const visit = async (record: RunRecord, root: RunRecord): Promise<void> => {
    all.push({ record, root, series: await collectSeries(readEvents(record.path)) })
    for (const child of record.children) await visit(child, root)
  }
  for (const root of roots) await visit(root, root)
  const arms = groupArms(all.filter(hasOwn))
  return renderPage({ roots, all, arms }, await readAgentReport(arms))
}

/**
 * Writes one self-contained HTML file about one run (its children included) or several runs, as one indivisible step.
 * @param runDirs run directories
 * @param out the file; default `report.html` in the first run's directory
 * @returns the file's path
 * @throws MixlabError when a directory is not a run or the file cannot be written
 */
export async function writeReport(runDirs: readonly string[], out?: string): Promise<string> {
  if (runDirs.length === 0)
    throw new MixlabError('a report needs at least one run directory; mixlab runs list shows them')
  const roots = await Promise.all([...new Set(runDirs)].map(openRun))
  const path = out ?? join(roots[0]!.path, 'report.html')
  await writeAtomically(path, await renderReport(roots))
  return path
}
