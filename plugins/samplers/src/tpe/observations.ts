// The study's trials as columns of numbers: one a parameter, NaN where a trial lacks it or has a value that the space does not.
import { contains, isFinished, type Parameter, type ParameterValue, type Space, type Trial } from '@mixlab/studies'

/** Numbers as they are, choices as their index. */
function internal({ distribution }: Parameter, value: ParameterValue | undefined): number {
  if (value === undefined) return NaN
  if (distribution.kind === 'categorical') {
    const index = distribution.choices.indexOf(value)
    return index < 0 ? NaN : index
  }
  return contains(distribution, value) ? (value as number) : NaN
}

export function external({ distribution }: Parameter, value: number): ParameterValue {
  return distribution.kind === 'categorical' ? distribution.choices[value]! : value
}

/**
 * What a running trial was given. Optuna's workers put what they drew together into system attributes before they put it
 * into the parameters: `tpe:relative_params:0`, … are pieces of one JSON object.
 */
function parametersOf({ state, parameters, systemAttributes }: Trial): Trial['parameters'] {
  const first = systemAttributes['tpe:relative_params:0']
  if (state !== 'running' || first === undefined) return parameters
  let text = ''
  for (let i = 0; ; i++) {
    const piece = systemAttributes[`tpe:relative_params:${i}`]
    if (typeof piece !== 'string') break
    text += piece
  }
  try {
    return { ...(JSON.parse(text) as Trial['parameters']), ...parameters }
  } catch {
    // Another worker is still writing the pieces.
    return parameters
  }
}

/** The rows of finished trials, which do not change; kept as long as the trials are. */
export type Rows = WeakMap<Trial, Float64Array>

function rowOf(trial: Trial, space: Space, rows: Rows): Float64Array {
  const known = rows.get(trial)
  if (known !== undefined) return known
  const parameters = parametersOf(trial)
  const row = new Float64Array(space.length)
  for (let p = 0; p < row.length; p++) {
    const parameter = space[p]!
    row[p] = Object.hasOwn(parameters, parameter.name) ? internal(parameter, parameters[parameter.name]) : NaN
  }
  if (isFinished(trial)) rows.set(trial, row)
  return row
}

export function columnsOf(trials: readonly Trial[], space: Space, kept: Rows): Float64Array[] {
  const columns = space.map(() => new Float64Array(trials.length))
  for (let t = 0; t < trials.length; t++) {
    const row = rowOf(trials[t]!, space, kept)
    for (let p = 0; p < row.length; p++) columns[p]![t] = row[p]!
  }
  return columns
}

/** The trials that have all of the parameters at these places. */
export function rowsWith(columns: readonly Float64Array[], places: readonly number[]): number[] {
  const rows: number[] = []
  for (let t = 0; t < columns[0]!.length; t++) {
    let i = 0
    while (i < places.length && !Number.isNaN(columns[places[i]!]![t]!)) i++
    if (i === places.length) rows.push(t)
  }
  return rows
}

export function gather(column: Float64Array, rows: readonly number[]): Float64Array {
  const values = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) values[i] = column[rows[i]!]!
  return values
}
