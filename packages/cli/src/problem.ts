// What went wrong, in one line. A person's mistake (MixlabError) never shows a stack; an exception of a script's own says
// where in the script, and shows its stack when asked (--stack or MIXLAB_STACK=1).
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { MixlabError } from '@mixlab/core'

/** Exit codes: 0 done, 2 something is wrong (said on stderr), 130 or 143 ended by Ctrl-C or SIGTERM. */
export const EXIT_PROBLEM = 2

export const wantsStack = (argv: readonly string[]): boolean =>
  argv.includes('--stack') || !['', '0', undefined].includes(process.env['MIXLAB_STACK'])

const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .join(' ')
    .trim()

/** Where in a person's own code it was thrown: the first frame outside Node and installed packages. */
function thrownAt(error: Error, script: string | undefined): string | undefined {
  if (script === undefined) return undefined
  for (const line of error.stack?.split('\n') ?? []) {
    const found = /(file:\/\/[^\s)]+|\/[^\s():]+):(\d+):\d+\)?$/.exec(line)
    if (!found?.[1]) continue
    const path = found[1].startsWith('file:') ? fileURLToPath(found[1]) : found[1]
    if (path === script) return `${basename(path)}:${found[2]}`
  }
  return undefined
}

/** One line about the error. @param script the path of the experiment script, to say where in it */
export function problemLine(error: unknown, script?: string): string {
  if (MixlabError.is(error)) return oneLine(error.message)
  if (!(error instanceof Error)) return `the script threw ${oneLine(String(error))}`
  const where = thrownAt(error, script)
  const kind = error.name === 'Error' ? '' : `${error.name}: `
  return `${kind}${oneLine(error.message) || 'an error without a message'}${where === undefined ? '' : ` (${where})`}`
}

/** Prints the line, and the stack of what is not a person's plain mistake if asked. */
export function reportProblem(
  error: unknown,
  options: { readonly script?: string | undefined; readonly stack: boolean },
): void {
  const isPlain = MixlabError.is(error) || !(error instanceof Error)
  const hint = isPlain || options.stack ? '' : '; --stack shows more'
  process.stderr.write(`mixlab: ${problemLine(error, options.script)}${hint}\n`)
  if (options.stack && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
}
