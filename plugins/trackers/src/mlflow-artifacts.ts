// The files of a run that MLflow keeps as artifacts. A file that has not changed since it was sent is not sent again.
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TrackedRun } from '@mixlab/tracking'
import type { MlflowStore } from './mlflow-store.ts'

export interface ArtifactChoice {
  /** `run.json`, `report.html` and what the run logged as artifacts. */
  readonly artifacts: boolean
  readonly checkpoints: boolean
}

async function filesBelow(root: string, path: string): Promise<string[]> {
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => [])
  const inside = entries.map(async (entry): Promise<string[]> => {
    const name = `${path}/${entry.name}`
    if (entry.isDirectory()) return filesBelow(root, name)
    return entry.name.endsWith('.tmp') ? [] : [name]
  })
  return (await Promise.all(inside)).flat().toSorted()
}

/** Sends the files that are new or changed. */
export async function sendArtifacts(
  store: MlflowStore,
  id: string,
  { directory, state }: TrackedRun,
  choice: ArtifactChoice,
  signal: AbortSignal,
): Promise<void> {
  const paths = [
    ...(choice.artifacts ? ['run.json', 'report.html', ...(await filesBelow(directory, 'artifacts'))] : []),
    ...(choice.checkpoints ? await filesBelow(directory, 'checkpoints') : []),
  ]
  const sent = { ...(state['sent'] as Readonly<Record<string, string>> | undefined) }
  for (const path of paths) {
    const found = await stat(join(directory, path)).catch(() => undefined)
    if (!found?.isFile()) continue
    const version = `${found.size} ${found.mtimeMs}`
    if (sent[path] === version) continue
    const folder = dirname(path)
    await store.upload(id, join(directory, path), folder === '.' ? '' : folder, signal)
    sent[path] = version
    state['sent'] = sent
  }
}
