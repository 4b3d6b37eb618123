// A folder of a test's own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** The path of a journal that does not exist yet, in a new folder that goes with the test. */
export function newJournal(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-studies-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'journal.log')
}
