// What a run came to: the table of its children, or what the experiment returned.
import type { RunRecord } from '@mixlab/lab'
import { value } from './text.ts'

/** Lines `name  value`; nested results by dotted path. */
export function resultLines(result: Readonly<Record<string, unknown>>, prefix = ''): [name: string, text: string][] {
  return Object.entries(result).flatMap(([name, given]): [string, string][] => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const nested = typeof given === 'object' && given !== null && !Array.isArray(given)
    return nested ? resultLines({ ...given }, path) : [[path, value(given)]]
  })
}

export async function resultText(record: RunRecord): Promise<string> {
  if (record.children.length > 0) {
    const [{ compare }, { comparisonText }] = await Promise.all([
      import('./comparison.ts'),
      import('./comparison-text.ts'),
    ])
    return comparisonText(await compare([record]))
  }
  const lines = resultLines(record.result ?? {})
  const width = Math.max(0, ...lines.map(([name]) => name.length))
  return lines.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join('\n')
}
