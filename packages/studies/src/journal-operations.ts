// The eleven operations of Optuna's journal (optuna/storages/journal/_storage.py) and the lines they are written as. A
// journal is nothing but such lines; what a study is at some time is what they amount to up to there (journal-state.ts).
import type { Distribution, ParameterValue } from './distribution.ts'
import { distributionToJson, internalJson } from './distribution-json.ts'
import { pythonFloat, pythonJson, pythonString } from './python-json.ts'
import type { Direction, TrialState } from './trial.ts'

export const OP = {
  createStudy: 0,
  deleteStudy: 1,
  setStudyUserAttribute: 2,
  setStudySystemAttribute: 3,
  createTrial: 4,
  setTrialParameter: 5,
  setTrialState: 6,
  setIntermediateValue: 7,
  setTrialUserAttribute: 8,
  setTrialSystemAttribute: 9,
  discardTrials: 10,
} as const

/** By Optuna's numbers. */
export const trialStates: readonly TrialState[] = ['running', 'complete', 'pruned', 'failed', 'waiting']
/** By Optuna's numbers; 0 is "not set". */
export const directionNames: readonly (Direction | undefined)[] = [undefined, 'minimize', 'maximize']

type Attributes = Readonly<Record<string, unknown>>

/** What we write. Times are milliseconds since 1970; `trial` and `study` are the journal's ids. */
export type Operation =
  | { readonly op: 'createStudy'; readonly name: string; readonly directions: readonly Direction[] }
  | {
      readonly op: 'setStudyAttribute'
      readonly study: number
      readonly key: string
      readonly value: unknown
      readonly system: boolean
    }
  | {
      /** With everything in one line, so that no reader and no kill ever sees half of a trial. */
      readonly op: 'createTrial'
      readonly study: number
      readonly state: 'running' | 'waiting'
      readonly startedAt: number | null
      readonly parameters: Readonly<Record<string, ParameterValue>>
      readonly distributions: Readonly<Record<string, Distribution>>
      readonly userAttributes: Attributes
      readonly systemAttributes: Attributes
    }
  | {
      readonly op: 'setParameter'
      readonly trial: number
      readonly name: string
      readonly value: ParameterValue
      readonly distribution: Distribution
    }
  | {
      readonly op: 'setState'
      readonly trial: number
      readonly state: TrialState
      readonly values: readonly number[] | null
      readonly at: number
    }
  | { readonly op: 'report'; readonly trial: number; readonly step: number; readonly value: number }
  | {
      readonly op: 'setAttribute'
      readonly trial: number
      readonly key: string
      readonly value: unknown
      readonly system: boolean
    }

/** Python's `isoformat(timespec="microseconds")` in UTC. */
const pythonTime = (milliseconds: number): string => `"${new Date(milliseconds).toISOString().slice(0, -1)}000+00:00"`

const object = (entries: readonly (readonly [string, string])[]): string =>
  `{${entries.map(([key, json]) => `${pythonString(key)}:${json}`).join(',')}}`

const attribute = (key: string, value: unknown): string => object([[key, pythonJson(value)]])

/** The line of an operation, its newline included. `worker` names the writer: readers ask whether it is themselves. */
export function lineOf(operation: Operation, worker: string): string {
  const line = (code: number, rest: string) => `{"op_code":${code},"worker_id":${pythonString(worker)},${rest}}\n`
  switch (operation.op) {
    case 'createStudy': {
      const directions = operation.directions.map((direction) => directionNames.indexOf(direction))
      return line(OP.createStudy, `"study_name":${pythonString(operation.name)},"directions":[${directions.join(',')}]`)
    }
    case 'setStudyAttribute': {
      const [code, field] = operation.system
        ? ([OP.setStudySystemAttribute, 'system_attr'] as const)
        : ([OP.setStudyUserAttribute, 'user_attr'] as const)
      return line(code, `"study_id":${operation.study},"${field}":${attribute(operation.key, operation.value)}`)
    }
    case 'createTrial': {
      const { study, state, startedAt, parameters, distributions, userAttributes, systemAttributes } = operation
      const kinds = Object.entries(distributions)
      const fields = [
        `"study_id":${study},"datetime_start":${startedAt === null ? 'null' : pythonTime(startedAt)}`,
        `"state":${trialStates.indexOf(state)},"value":null,"values":null`,
        `"distributions":${object(kinds.map(([name, kind]) => [name, pythonString(distributionToJson(kind))]))}`,
        `"params":${object(kinds.map(([name, kind]) => [name, internalJson(kind, parameters[name]!)]))}`,
        `"user_attrs":${pythonJson(userAttributes)},"system_attrs":${pythonJson(systemAttributes)}`,
        `"intermediate_values":{}`,
      ]
      return line(OP.createTrial, fields.join(','))
    }
    case 'setParameter': {
      const { trial, name, value, distribution } = operation
      return line(
        OP.setTrialParameter,
        `"trial_id":${trial},"param_name":${pythonString(name)},"param_value_internal":${internalJson(distribution, value)},"distribution":${pythonString(distributionToJson(distribution))}`,
      )
    }
    case 'setState': {
      const { trial, state, values, at } = operation
      const shown = values === null ? 'null' : `[${values.map(pythonFloat).join(',')}]`
      const field = state === 'running' ? 'datetime_start' : 'datetime_complete'
      const time = state === 'waiting' ? '' : `,"${field}":${pythonTime(at)}`
      return line(
        OP.setTrialState,
        `"trial_id":${trial},"state":${trialStates.indexOf(state)},"values":${shown}${time}`,
      )
    }
    case 'report': {
      const { trial, step, value } = operation
      return line(
        OP.setIntermediateValue,
        `"trial_id":${trial},"step":${step},"intermediate_value":${pythonFloat(value)}`,
      )
    }
    case 'setAttribute': {
      const [code, field] = operation.system
        ? ([OP.setTrialSystemAttribute, 'system_attr'] as const)
        : ([OP.setTrialUserAttribute, 'user_attr'] as const)
      return line(code, `"trial_id":${operation.trial},"${field}":${attribute(operation.key, operation.value)}`)
    }
    default:
      return operation satisfies never
  }
}
