// `mixlab run SCRIPT --help`: what the experiment asks and what can be set.
import { describeFields, type FieldDescription } from '@mixlab/core'
import { styleText } from 'node:util'
import { loadScript } from './script.ts'

/** One line for each field: path, type and range, default, description. */
export function fieldLines(fields: readonly FieldDescription[]): string {
  if (fields.length === 0) return '  (no fields)'
  const width = Math.min(32, Math.max(...fields.map(({ path }) => path.length)))
  return fields
    .map(({ path, type, default: preset, description }) => {
      const given = preset === undefined ? '' : `  [${typeof preset === 'string' ? preset : JSON.stringify(preset)}]`
      const about = description === undefined ? '' : `\n  ${' '.repeat(width)}  ${styleText('dim', description)}`
      return `  ${path.padEnd(width)}  ${type}${given}${about}`
    })
    .join('\n')
}

export async function printExperimentHelp(wanted: string): Promise<void> {
  const { experiment } = await loadScript(wanted)
  const fields = describeFields(experiment.config)
  const about = experiment.summary === undefined ? '' : `\n${experiment.summary}`
  process.stdout.write(
    `\n${styleText('bold', experiment.name)}${about}\nFields to --set, with type and [default]:\n${fieldLines(fields)}\n`,
  )
}
