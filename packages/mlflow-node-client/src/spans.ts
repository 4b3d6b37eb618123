// Spans as OpenTelemetry writes them (OTLP), which is how MLflow 3 takes and keeps them.
// They are sent as protobuf, which every server from 3.4 on takes; JSON came later. A span's inputs,
// outputs and type are attributes with reserved names; values keep their structure (maps, lists) on the way.
// Times are ms since 1970 with fractions; they travel as ns, of which a double holds the microseconds.
import { randomBytes } from 'node:crypto'
import { bytes, double, fixed64, integer, message, string } from './protobuf.ts'

export type SpanValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly SpanValue[]
  | { readonly [key: string]: SpanValue }

export type SpanStatus = 'OK' | 'ERROR' | 'UNSET'

export interface SpanEvent {
  readonly name: string
  /** ms since 1970. */
  readonly time: number
  readonly attributes?: Readonly<Record<string, SpanValue>> | undefined
}

export interface Span {
  /** 16 hexadecimal digits: {@link newSpanId}. */
  readonly spanId: string
  /** Left out for the trace's root. */
  readonly parentId?: string | undefined
  readonly name: string
  /** `LLM`, `CHAIN`, `AGENT`, `TOOL`, `RETRIEVER`, … */
  readonly type?: string | undefined
  /** ms since 1970. */
  readonly startTime: number
  readonly endTime: number
  readonly status?: SpanStatus | undefined
  readonly statusMessage?: string | undefined
  readonly inputs?: SpanValue
  readonly outputs?: SpanValue
  readonly attributes?: Readonly<Record<string, SpanValue>> | undefined
  readonly events?: readonly SpanEvent[] | undefined
}

export const newSpanId = (): string => randomBytes(8).toString('hex')
/** `tr-` and 32 hexadecimal digits. */
export const newTraceId = (): string => `tr-${randomBytes(16).toString('hex')}`

const reserved = {
  type: 'mlflow.spanType',
  inputs: 'mlflow.spanInputs',
  outputs: 'mlflow.spanOutputs',
  traceId: 'mlflow.traceRequestId',
}

/** `AnyValue`'s one field for a value; null is an `AnyValue` without any. */
const anyValue = (value: SpanValue): Buffer[] => {
  if (value === null || value === undefined) return []
  if (typeof value === 'string') return [string(1, value)]
  if (typeof value === 'boolean') return [integer(2, Number(value))]
  if (typeof value === 'number')
    return [Number.isSafeInteger(value) && !Object.is(value, -0) ? integer(3, value) : double(4, value)]
  if (Array.isArray(value))
    return [
      message(
        5,
        (value as readonly SpanValue[]).map((item) => message(1, anyValue(item))),
      ),
    ]
  return [message(6, keyValues(1, value as Readonly<Record<string, SpanValue>>))]
}

const keyValues = (field: number, values: Readonly<Record<string, SpanValue>>): Buffer[] =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => message(field, [string(1, key), message(2, anyValue(value))]))

const nanoseconds = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n

const statusCodes = { UNSET: 0, OK: 1, ERROR: 2 } satisfies Record<SpanStatus, number>

/**
 * An `ExportTraceServiceRequest`. Field numbers: opentelemetry/proto/{trace,common}/v1.
 *
 * @param traceId an MLflow trace id.
 */
export const toOtlp = (traceId: string, spans: readonly Span[]): Buffer =>
  message(1, [
    message(
      2,
      spans.map((span) => message(2, spanFields(traceId, span))),
    ),
  ])

const spanFields = (traceId: string, span: Span): Buffer[] => [
  bytes(1, Buffer.from(traceId.replace(/^tr-/, ''), 'hex')),
  bytes(2, Buffer.from(span.spanId, 'hex')),
  ...(span.parentId === undefined ? [] : [bytes(4, Buffer.from(span.parentId, 'hex'))]),
  string(5, span.name),
  fixed64(7, nanoseconds(span.startTime)),
  fixed64(8, nanoseconds(span.endTime)),
  ...keyValues(9, {
    ...span.attributes,
    [reserved.traceId]: traceId,
    [reserved.type]: span.type ?? 'UNKNOWN',
    [reserved.inputs]: span.inputs,
    [reserved.outputs]: span.outputs,
  }),
  ...(span.events ?? []).map(({ name, time, attributes }) =>
    message(11, [fixed64(1, nanoseconds(time)), string(2, name), ...keyValues(3, attributes ?? {})]),
  ),
  message(15, [string(2, span.statusMessage ?? ''), integer(3, statusCodes[span.status ?? 'OK'])]),
]

/** As `traces/get` answers: protobuf's JSON with its field names, identifiers in base64, 64-bit numbers as either. */
export interface WireSpan {
  span_id: string
  parent_span_id?: string
  name: string
  start_time_unix_nano?: number | string
  end_time_unix_nano?: number | string
  status?: { code?: string | number; message?: string }
  attributes?: WireAttribute[]
  events?: { name: string; time_unix_nano?: number | string; attributes?: WireAttribute[] }[]
}

interface WireAttribute {
  key: string
  value?: WireAnyValue
}

interface WireAnyValue {
  string_value?: string
  bool_value?: boolean
  int_value?: number | string
  double_value?: number | string
  array_value?: { values?: WireAnyValue[] }
  kvlist_value?: { values?: WireAttribute[] }
}

const fromAnyValue = (wire: WireAnyValue = {}): SpanValue => {
  if (wire.string_value !== undefined) return wire.string_value
  if (wire.bool_value !== undefined) return wire.bool_value
  if (wire.int_value !== undefined) return Number(wire.int_value)
  if (wire.double_value !== undefined) return Number(wire.double_value)
  if (wire.array_value !== undefined) return (wire.array_value.values ?? []).map(fromAnyValue)
  if (wire.kvlist_value !== undefined) return fromAttributes(wire.kvlist_value.values)
  return null
}

const fromAttributes = (wire: readonly WireAttribute[] = []): Record<string, SpanValue> =>
  Object.fromEntries(wire.map(({ key, value }) => [key, fromAnyValue(value)]))

const hexadecimal = (base64: string): string => Buffer.from(base64, 'base64').toString('hex')

/** Rounded to microseconds: a time that comes as a JSON number has lost its last digits. */
const milliseconds = (ns: number | string | undefined): number => Number((BigInt(ns ?? 0) + 500n) / 1000n) / 1000

export const fromWireSpan = (wire: WireSpan): Span => {
  const {
    [reserved.type]: type,
    [reserved.inputs]: inputs,
    [reserved.outputs]: outputs,
    [reserved.traceId]: _traceId,
    ...attributes
  } = fromAttributes(wire.attributes)
  const code = String(wire.status?.code ?? 'UNSET').replace('STATUS_CODE_', '')
  return {
    spanId: hexadecimal(wire.span_id),
    parentId: wire.parent_span_id ? hexadecimal(wire.parent_span_id) : undefined,
    name: wire.name,
    type: typeof type === 'string' ? type : undefined,
    startTime: milliseconds(wire.start_time_unix_nano),
    endTime: milliseconds(wire.end_time_unix_nano),
    status: code === 'OK' || code === '1' ? 'OK' : code === 'ERROR' || code === '2' ? 'ERROR' : 'UNSET',
    statusMessage: wire.status?.message || undefined,
    inputs,
    outputs,
    attributes,
    events: (wire.events ?? []).map((event) => ({
      name: event.name,
      time: milliseconds(event.time_unix_nano),
      attributes: fromAttributes(event.attributes),
    })),
  }
}
