// Two files in the run directory that anything opens: `metrics.csv`, one row for each value of each metric, and
// `parameters.csv`. RFC 4180: commas, CRLF, quotes where a field needs them; UTF-8. Values are written with all their
// digits; `NaN`, `Infinity` and `-Infinity` are words.
import { join } from 'node:path'
import { writeAtomically } from '@mixlab/core'
import { defineTracker, parametersOf, type Point, pointsOf } from '@mixlab/tracking'
import { appendAt } from './append-file.ts'

const field = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)

const row = (...fields: readonly string[]): string => `${fields.map(field).join(',')}\r\n`

const heading = row('metric', 'step', 'value', 'time')

const rowOf = ({ key, step, value, time }: Point): string =>
  row(key, String(step), String(value), new Date(time).toISOString())

export const csv = defineTracker({
  name: 'csv',
  summary: 'metrics.csv and parameters.csv in the run directory',
  source: 'https://www.rfc-editor.org/rfc/rfc4180',
  create: () => ({
    target: 'the run directory',
    async write({ directory, file, state }, events, { continuity }) {
      const isNew = continuity === 'restarts'
      if (isNew) {
        const parameters = [['seed', String(file.seed)] as const, ...parametersOf(file.config)]
        const rows = parameters.map(([name, value]) => row(name, value))
        await writeAtomically(join(directory, 'parameters.csv'), row('parameter', 'value') + rows.join(''))
      }
      const rows = events.flatMap(pointsOf).map(rowOf).join('')
      const text = (isNew ? heading : '') + rows
      const bytes = isNew ? 0 : Number(state['bytes'])
      if (text !== '') state['bytes'] = await appendAt(join(directory, 'metrics.csv'), bytes, Buffer.from(text))
    },
  }),
})
