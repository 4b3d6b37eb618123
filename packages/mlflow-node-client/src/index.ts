// A typed client of MLflow's REST API.
export { createMlflowClient, type MlflowClient } from './client.ts'
export type { MlflowClientOptions } from './settings.ts'
export { type ClientErrorCode, MlflowError } from './errors.ts'
export type { CallOptions } from './rest.ts'
export { limits } from './names.ts'
export type { Tags } from './wire.ts'
export type {
  CreateExperiment,
  Experiment,
  Experiments,
  LifecycleStage,
  SearchOptions,
  ViewType,
} from './experiments.ts'
export type { Batch, Metric, MetricPoint } from './metrics.ts'
export type { CreateRun, DatasetInput, LogOptions, Run, RunInfo, Runs, RunStatus, UpdateRun } from './runs.ts'
export type { Artifacts, FolderOptions } from './artifacts/artifacts.ts'
export type { ArtifactInfo, ArtifactOwner } from './artifacts/store.ts'
export type {
  ModelVersion,
  ModelVersions,
  ModelVersionStatus,
  RegisteredModel,
  RegisteredModels,
} from './registered-models.ts'
export type {
  CreateLoggedModel,
  LoggedModel,
  LoggedModels,
  LoggedModelStatus,
  SearchOptionsOfModels,
} from './logged-models.ts'
export { newSpanId, newTraceId, type Span, type SpanEvent, type SpanStatus, type SpanValue } from './spans.ts'
export type { EndTrace, StartTrace, Trace, TraceInfo, Traces, TraceState } from './traces.ts'
