// Contracts, tokens, events, configuration, errors and random numbers: what everything else agrees on.
export { interrupted, MixlabError, type MixlabErrorOptions } from './errors.ts'
export { formatBytes } from './bytes.ts'
export { usableProcessors } from './processors.ts'
export { editDistance, nearMisses, suggest } from './near-misses.ts'
export { type Resolved, type Token, type TokenMap, token, tokenName } from './tokens.ts'
export { type PhiloxBlock, type PhiloxKey, philox4x32, RandomStream } from './random.ts'
export {
  type Configuration,
  describeFields,
  type FieldDescription,
  parseConfiguration,
  parseValue,
  withAssignments,
  withFields,
} from './configuration.ts'
export { withDefaults } from './with-defaults.ts'
export {
  type ContextOf,
  definePlugin,
  type InstanceOf,
  isPlugin,
  type Kind,
  type Plugin,
  pluginConfiguration,
  type PluginDefinition,
  pluginHelper,
  type PluginKinds,
  pluginReference,
  type PluginReference,
  type PluginTable,
  splitReference,
} from './plugins.ts'
export {
  type Emit,
  type EventOf,
  type EventType,
  type LabelledMatrix,
  type MixlabEvents,
  type RunEvent,
} from './events.ts'
export { CALLS, type CallsPlace } from './calls-place.ts'
export { type ChildOptions, type RunContext, type RunDirectory } from './run.ts'
export { fromJson, toJson } from './plain-data.ts'
export { diskProblem, writeAtomically } from './atomic-write.ts'
export { isThisProcess, mayBeAlive, type ProcessIdentity, thisProcess } from './process-identity.ts'
export { readRunFile, RUN_FORMAT, type RunFile, type RunStatus } from './run-file.ts'
export { metricsOf } from './metrics.ts'
export { countsOf, type LayerLoad, loadStatistics, type LoadStatistics, routingEvent } from './load-statistics.ts'
