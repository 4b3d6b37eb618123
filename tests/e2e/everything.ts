// Every file below a folder, as one text.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const everything = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')
