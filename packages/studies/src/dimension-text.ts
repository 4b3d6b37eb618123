// A dimension as it is written on a command line, `--over FIELD=VALUES`:
//
//   router=top-k,switch                     one of a list (text, numbers, true, false, null)
//   training.learningRate=1e-4..1e-2:log    a range, uniform in the logarithm
//   dropout=0..0.5:step=0.1                 a range in steps
//   router.k=1..4                           a range of integers where the field is an integer
//   order=permute(dedupe,filter,split)      the order of a list
//   router.noise=0..1@router=noisy-top-k    only where another dimension, named before it, has one of some values
//
// Whether `1..4` are integers or numbers is the field's to say: `fieldType`.
import { MixlabError, parseValue } from '@mixlab/core'
import {
  choice,
  choiceProblem,
  type Dimension,
  float,
  integer,
  orderProblem,
  permutation,
  rangeProblem,
  when,
} from './dimensions.ts'
import type { ParameterValue } from './distribution.ts'

/** Of the field's schema, as JSON Schema calls it. */
export type FieldType = 'integer' | 'number' | 'string' | 'boolean' | 'array' | 'object'

export interface NamedDimension {
  readonly name: string
  readonly dimension: Dimension
}

const number = String.raw`[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?`
const range = new RegExp(String.raw`^(${number})\.\.(${number})((?::[^:]*)*)$`)
const condition = /^(.*)@([^\s@=]+)=([^@]*)$/s
const examples = 'router=top-k,switch, training.learningRate=1e-4..1e-2:log or router.k=1..4'

const problem = (text: string, what: string, example = examples): MixlabError =>
  new MixlabError(`--over ${text}: ${what}; e.g. ${example}`, { code: 'invalid-space' })

function check(text: string, what: string | undefined, example: string): void {
  if (what !== undefined) throw problem(text, what, example)
}

/**
 * @param text `FIELD=VALUES`, or `FIELD=VALUES@PARENT=VALUE,…`
 * @throws MixlabError that says what is wrong and shows a correct one
 */
export function parseDimension(text: string, { fieldType }: { readonly fieldType?: FieldType } = {}): NamedDimension {
  const at = text.indexOf('=')
  const name = text.slice(0, Math.max(0, at)).trim()
  if (name === '') throw problem(text, 'expected FIELD=VALUES')
  const [, values, parent, parentValues] = condition.exec(text.slice(at + 1)) ?? [undefined, text.slice(at + 1)]
  const dimension = parseValues(text, values!.trim(), fieldType)
  if (parent === undefined) return { name, dimension }
  const under = items(text, parentValues!, undefined)
  return { name, dimension: when(parent, under, dimension) }
}

function parseValues(text: string, values: string, fieldType: FieldType | undefined): Dimension {
  if (values === '') throw problem(text, 'there is no value')
  const order = /^permute\((.*)\)$/s.exec(values)
  if (order) {
    if (fieldType !== undefined && fieldType !== 'array')
      throw problem(text, `the field is no list but of type ${fieldType}, and has no order`)
    const list = items(text, order[1]!, undefined)
    check(text, orderProblem(list), 'order=permute(dedupe,filter,split)')
    return permutation(list)
  }
  const bounds = range.exec(values)
  if (bounds) return parseRange(text, bounds, fieldType)
  if (/\.\.|:log$|:step=/.test(values) && fieldType !== 'string')
    throw problem(
      text,
      `"${values}" is no range: expected LOW..HIGH, then :log or :step=STEP`,
      'training.learningRate=1e-4..1e-2:log',
    )
  const choices = items(text, values, fieldType)
  check(text, choiceProblem(choices), 'router=top-k,switch')
  return choice(choices)
}

function parseRange(text: string, bounds: RegExpExecArray, fieldType: FieldType | undefined): Dimension {
  const [low, high] = [Number(bounds[1]), Number(bounds[2])]
  if (fieldType !== undefined && fieldType !== 'integer' && fieldType !== 'number')
    throw problem(text, `the field is of type ${fieldType} and has no range; list its values`, 'router=top-k,switch')
  const options: { log?: boolean; step?: number } = {}
  for (const option of bounds[3]!.split(':').slice(1)) {
    const step = /^step=(.+)$/.exec(option)
    if (option === 'log') options.log = true
    else if (step && Number.isFinite(Number(step[1]))) options.step = Number(step[1])
    else
      throw problem(
        text,
        `":${option}" is no option of a range: expected :log or :step=STEP`,
        'dropout=0..0.5:step=0.1',
      )
  }
  const whole = fieldType === 'integer'
  check(
    text,
    rangeProblem(whole ? 'int' : 'float', low, high, options),
    whole ? 'router.k=1..4' : 'training.learningRate=1e-4..1e-2:log',
  )
  return (whole ? integer : float)(low, high, options)
}

/** Comma-separated values: as they are for a text field, else JSON where they are JSON. */
function items(text: string, list: string, fieldType: FieldType | undefined): ParameterValue[] {
  return list.split(',').map((item) => {
    const trimmed = item.trim()
    if (trimmed === '') throw problem(text, 'a value between commas is empty', 'router=top-k,switch')
    const value = fieldType === 'string' ? trimmed : parseValue(trimmed)
    if (typeof value !== 'object' || value === null) return value as ParameterValue
    throw problem(text, `${trimmed} is no text, number, true, false or null`, 'router=top-k,switch')
  })
}
