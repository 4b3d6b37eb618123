// Composes plugins into a container, runs experiments, owns run directories and the event bus.
export { diskProblem, fromJson, RUN_FORMAT, type RunStatus, toJson, writeAtomically } from '@mixlab/core'
export {
  type Binder,
  composeRun,
  type Composition,
  type LabModule,
  type RunContainer,
  type Service,
  service,
} from './compose.ts'
export { defaultPlugins } from './default-plugins.ts'
export { describeEngine, registerEngines, type RunEngine, startEngine } from './engines.ts'
export { EventBus, type EventBusOptions } from './event-bus.ts'
export { readEvents } from './event-log.ts'
export {
  type Cost,
  type CostContext,
  defineExperiment,
  type Experiment,
  type ExperimentDefinition,
  isExperiment,
  type Result,
} from './experiment.ts'
export { type Interruption, listenForInterruption } from './interruption.ts'
export { createPluginTable, type PluginSources } from './plugin-table.ts'
export { type PushRunOptions, pushRunTo } from './push-run.ts'
export { type TrackOptions } from './trackers.ts'
export { createRunDirectory, runDirectory, runsFolder } from './run-directory.ts'
export { resolveConfiguration } from './run-configuration.ts'
export { type FinishedRun, runExperiment, type RunOptions, type RunPart } from './run-experiment.ts'
export { findRun, listRuns, openRun, readRunFile, reopenRun, type RunRecord } from './run-record.ts'
export { type EventSink, type SinkLimits } from './sinks.ts'
export {
  CONFIG,
  DEFAULT_PLUGIN,
  EMIT,
  ENGINE,
  EVENTS,
  PLUGIN,
  PLUGINS,
  RNG,
  RUN_DIRECTORY,
  SEED,
  SIGNAL,
  SINK,
} from './tokens.ts'
