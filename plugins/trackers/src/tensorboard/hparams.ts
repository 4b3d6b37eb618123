// The hyper-parameter plug-in's messages (tensorboard/plugins/hparams/api.proto, plugin_data.proto): a run says with which
// parameters it starts and how it ends; the outermost run says which parameters and metrics there are in all.
import type { RunStatus } from '@mixlab/core'
import { bool, double, type Field, integer, message, text } from './protobuf.ts'
import { hyperparameters } from './summaries.ts'

export type HyperparameterType = 'string' | 'boolean' | 'number'

const version = integer(1, 0)
const typeNumbers: Readonly<Record<HyperparameterType, number>> = { string: 1, boolean: 2, number: 3 }
const statusNumbers: Readonly<Record<RunStatus, number>> = { finished: 1, failed: 2, interrupted: 2, running: 3 }

/** What a parameter's text stands for. */
function valueOf(parameter: string): string | number | boolean {
  if (parameter === 'true' || parameter === 'false') return parameter === 'true'
  return parameter !== '' && String(Number(parameter)) === parameter ? Number(parameter) : parameter
}

export const typeOf = (parameter: string): HyperparameterType => typeof valueOf(parameter) as HyperparameterType

/** `google.protobuf.Value`. */
function protobufValue(parameter: string): Field {
  const value = valueOf(parameter)
  if (typeof value === 'number') return double(2, value)
  return typeof value === 'boolean' ? bool(4, value) : text(3, value)
}

/** @param start milliseconds since 1970 */
export function sessionStart(parameters: readonly (readonly [string, string])[], group: string, start: number): Field {
  const entries = parameters.map(([name, value]) => message(1, text(1, name), message(2, protobufValue(value))))
  const info = message(3, ...entries, text(4, group), double(5, start / 1000))
  return hyperparameters('_hparams_/session_start_info', Buffer.concat([version, info]))
}

/** @param end milliseconds since 1970 */
export function sessionEnd(status: RunStatus, end: number): Field {
  const info = message(4, integer(1, statusNumbers[status]), double(2, end / 1000))
  return hyperparameters('_hparams_/session_end_info', Buffer.concat([version, info]))
}

export interface HyperparameterExperiment {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly created: number
  readonly parameters: Readonly<Record<string, HyperparameterType>>
  readonly metrics: readonly string[]
}

export function experiment({ name, created, parameters, metrics }: HyperparameterExperiment): Field {
  const info = message(
    2,
    double(3, created / 1000),
    ...Object.entries(parameters).map(([parameter, type]) =>
      message(4, text(1, parameter), integer(4, typeNumbers[type])),
    ),
    ...metrics.map((metric) => message(5, message(1, text(2, metric)))),
    text(6, name),
  )
  return hyperparameters('_hparams_/experiment', Buffer.concat([version, info]))
}
