// Traces (MLflow 3): what one call of an application did, as a tree of spans. Spans go to the OpenTelemetry endpoint
// (`/v1/traces`), the trace's own data to `/api/3.0/mlflow/traces`, in this order, as the Python client sends them. MLflow
// takes spans this way from version 3.4 on; their times and values are read back as they were sent.
import { invalid } from './errors.ts'
import { checkTag } from './names.ts'
import type { SearchOptions } from './experiments.ts'
import { api, api3, type CallOptions, pages, type Rest } from './rest.ts'
import { fromWireSpan, newTraceId, type Span, toOtlp, type WireSpan } from './spans.ts'
import type { Tags } from './wire.ts'

export type TraceState = 'OK' | 'ERROR' | 'IN_PROGRESS' | 'STATE_UNSPECIFIED'

export interface TraceInfo {
  /** `tr-` and 32 hexadecimal digits. */
  readonly traceId: string
  readonly experimentId: string
  readonly name: string | undefined
  /** When it began, ms since 1970. */
  readonly requestTime: number
  /** ms. */
  readonly duration: number | undefined
  readonly state: TraceState
  readonly clientRequestId: string | undefined
  readonly requestPreview: string | undefined
  readonly responsePreview: string | undefined
  readonly metadata: Tags
  readonly tags: Tags
}

export interface Trace extends TraceInfo {
  readonly spans: readonly Span[]
}

export interface StartTrace {
  readonly experimentId: string
  /** {@link newTraceId}, where it is left out. */
  readonly traceId?: string | undefined
  readonly name?: string | undefined
  /** ms since 1970; now. */
  readonly requestTime?: number | undefined
  /** The run that the trace belongs to. */
  readonly runId?: string | undefined
  readonly clientRequestId?: string | undefined
  readonly requestPreview?: string | undefined
  /** Cannot be changed later, unlike tags. */
  readonly metadata?: Tags | undefined
  readonly tags?: Tags | undefined
}

export interface EndTrace {
  readonly state?: 'OK' | 'ERROR' | undefined
  /** ms; the time since the trace began. */
  readonly duration?: number | undefined
  readonly responsePreview?: string | undefined
}

interface WireTraceInfo {
  trace_id: string
  client_request_id?: string
  trace_location?: { mlflow_experiment?: { experiment_id?: string } }
  request_preview?: string
  response_preview?: string
  request_time?: string
  execution_duration?: string
  state?: TraceState
  trace_metadata?: Record<string, string>
  tags?: Record<string, string>
}

const nameTag = 'mlflow.traceName'

const fromWire = (wire: WireTraceInfo): TraceInfo => ({
  traceId: wire.trace_id,
  experimentId: wire.trace_location?.mlflow_experiment?.experiment_id ?? '',
  name: wire.tags?.[nameTag],
  requestTime: wire.request_time === undefined ? 0 : Date.parse(wire.request_time),
  duration:
    wire.execution_duration === undefined
      ? undefined
      : Math.round(Number(wire.execution_duration.replace('s', '')) * 1e6) / 1e3,
  state: wire.state ?? 'STATE_UNSPECIFIED',
  clientRequestId: wire.client_request_id || undefined,
  requestPreview: wire.request_preview || undefined,
  responsePreview: wire.response_preview || undefined,
  metadata: wire.trace_metadata ?? {},
  tags: wire.tags ?? {},
})

const toWire = (info: TraceInfo): WireTraceInfo & { trace_location: { type: string } } => ({
  trace_id: info.traceId,
  trace_location: { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: info.experimentId } },
  request_time: new Date(info.requestTime).toISOString(),
  state: info.state,
  trace_metadata: { ...info.metadata },
  tags: { ...info.tags, ...(info.name !== undefined && { [nameTag]: info.name }) },
  ...(info.duration !== undefined && { execution_duration: `${(info.duration / 1000).toFixed(3)}s` }),
  ...(info.clientRequestId !== undefined && { client_request_id: info.clientRequestId }),
  ...(info.requestPreview !== undefined && { request_preview: info.requestPreview }),
  ...(info.responsePreview !== undefined && { response_preview: info.responsePreview }),
})

const begun = (start: StartTrace): TraceInfo => {
  const traceId = start.traceId ?? newTraceId()
  if (!/^tr-[0-9a-f]{32}$/.test(traceId))
    throw invalid(`"${traceId}" is not a trace id; it is "tr-" and 32 hexadecimal digits, as newTraceId() makes them`)
  return {
    traceId,
    experimentId: start.experimentId,
    name: start.name,
    requestTime: Math.round(start.requestTime ?? Date.now()),
    duration: undefined,
    state: 'IN_PROGRESS',
    clientRequestId: start.clientRequestId,
    requestPreview: start.requestPreview,
    responsePreview: undefined,
    // Both marks that the Python client sets; without the version the UI takes the trace for one of MLflow 2.
    metadata: {
      'mlflow.trace_schema.version': '3',
      ...(start.runId !== undefined && { 'mlflow.sourceRun': start.runId }),
      ...start.metadata,
    },
    tags: { ...start.tags },
  }
}

export type Traces = ReturnType<typeof traces>

export const traces = (rest: Rest) => {
  const path = (traceId: string, below = ''): string => `${api3}/traces/${encodeURIComponent(traceId)}${below}`
  /** Makes a trace or, where it is there already, brings it up to date. */
  const put = async (info: TraceInfo, options: CallOptions): Promise<TraceInfo> => {
    const json = { trace: { trace_info: toWire(info) } }
    const answer = await rest.json<{ trace: { trace_info: WireTraceInfo } }>({
      method: 'POST',
      path: `${api3}/traces`,
      json,
      ...options,
    })
    return fromWire(answer.trace.trace_info)
  }

  /** Adds spans to a trace, whether or not the trace has been sent. */
  const logSpans = async (
    trace: Pick<TraceInfo, 'traceId' | 'experimentId'>,
    spans: readonly Span[],
    options: CallOptions = {},
  ): Promise<void> => {
    for (const { spanId, parentId } of spans)
      for (const id of [spanId, parentId])
        if (id !== undefined && !/^[0-9a-f]{16}$/.test(id))
          throw invalid(`"${id}" is not a span id; it is 16 hexadecimal digits, as newSpanId() makes them`)
    await rest.send(
      {
        method: 'POST',
        path: '/v1/traces',
        headers: { 'content-type': 'application/x-protobuf', 'x-mlflow-experiment-id': trace.experimentId },
        body: toOtlp(trace.traceId, spans),
        ...options,
      },
      async (answer) => {
        answer.resume()
      },
    )
  }

  const ended = (trace: TraceInfo, end: EndTrace): TraceInfo => ({
    ...trace,
    state: end.state ?? 'OK',
    duration: end.duration ?? Date.now() - trace.requestTime,
    responsePreview: end.responsePreview,
  })

  return {
    /** Makes the trace known while it is still going on. */
    start: async (settings: StartTrace, options: CallOptions = {}): Promise<TraceInfo> => put(begun(settings), options),
    logSpans,
    /** @param trace what `start` returned. */
    end: (trace: TraceInfo, settings: EndTrace = {}, options: CallOptions = {}): Promise<TraceInfo> =>
      put(ended(trace, settings), options),
    /** A trace that is over: its spans, then itself. May be repeated with the same `traceId`. */
    async log(
      trace: StartTrace & EndTrace & { readonly spans: readonly Span[] },
      options: CallOptions = {},
    ): Promise<TraceInfo> {
      const info = begun(trace)
      await logSpans(info, trace.spans, options)
      const { startTime, endTime } = trace.spans.find(({ parentId }) => parentId === undefined) ?? {}
      const requestTime = trace.requestTime ?? startTime ?? info.requestTime
      return put(
        ended(
          { ...info, requestTime: Math.round(requestTime) },
          { ...trace, duration: trace.duration ?? (endTime ?? Date.now()) - requestTime },
        ),
        options,
      )
    },
    /** With its spans. */
    async get(traceId: string, options: CallOptions = {}): Promise<Trace> {
      const answer = await rest.json<{ trace: { trace_info: WireTraceInfo; spans?: WireSpan[] } }>({
        method: 'GET',
        path: `${api3}/traces/get`,
        query: { trace_id: traceId, allow_partial: true },
        ...options,
      })
      return { ...fromWire(answer.trace.trace_info), spans: (answer.trace.spans ?? []).map(fromWireSpan) }
    },
    async getInfo(traceId: string, options: CallOptions = {}): Promise<TraceInfo> {
      const answer = await rest.json<{ trace: { trace_info: WireTraceInfo } }>({
        method: 'GET',
        path: path(traceId),
        ...options,
      })
      return fromWire(answer.trace.trace_info)
    },
    /** Without their spans. */
    search: (
      settings: SearchOptions & { readonly experimentIds: readonly string[] },
    ): AsyncGenerator<TraceInfo, void, undefined> =>
      pages(async (pageToken) => {
        const json = {
          locations: settings.experimentIds.map((id) => ({
            type: 'MLFLOW_EXPERIMENT',
            mlflow_experiment: { experiment_id: id },
          })),
          filter: settings.filter,
          order_by: settings.orderBy,
          max_results: settings.pageSize ?? 100,
          page_token: pageToken,
        }
        const answer = await rest.json<{ traces?: WireTraceInfo[]; next_page_token?: string }>({
          method: 'POST',
          path: `${api3}/traces/search`,
          json,
          signal: settings.signal,
        })
        return { items: (answer.traces ?? []).map(fromWire), next: answer.next_page_token }
      }),
    async setTag(traceId: string, key: string, value: string, options: CallOptions = {}): Promise<void> {
      checkTag(key, value)
      await rest.json({ method: 'PATCH', path: path(traceId, '/tags'), json: { key, value }, ...options })
    },
    async deleteTag(traceId: string, key: string, options: CallOptions = {}): Promise<void> {
      await rest.json({ method: 'DELETE', path: path(traceId, '/tags'), json: { key }, ...options })
    },
    /** Shows traces with a run; at most 100 a request, sent in as many as it takes. */
    async linkToRun(traceIds: readonly string[], runId: string, options: CallOptions = {}): Promise<void> {
      for (let at = 0; at < traceIds.length; at += 100) {
        const json = { trace_ids: traceIds.slice(at, at + 100), run_id: runId }
        await rest.json({ method: 'POST', path: `${api}/traces/link-to-run`, json, ...options })
      }
    },
    /** @returns how many there were. */
    async delete(experimentId: string, traceIds: readonly string[], options: CallOptions = {}): Promise<number> {
      const json = { experiment_id: experimentId, request_ids: traceIds }
      const answer = await rest.json<{ traces_deleted?: number }>({
        method: 'POST',
        path: `${api3}/traces/delete-traces`,
        json,
        ...options,
      })
      return answer.traces_deleted ?? 0
    },
  }
}
