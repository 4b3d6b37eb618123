// What a run's container holds. A plugin asks for these in `needs`, a script with `run.resolve(TOKEN)`, and a module can
// bind more or rebind any of them.
import {
  type Emit,
  type Plugin,
  type PluginTable,
  type RandomStream,
  type RunDirectory,
  type RunEvent,
  token,
} from '@mixlab/core'
import type { Observable } from 'rxjs'
import type { RunEngine } from './engines.ts'
import type { EventSink } from './sinks.ts'

/** The run's seed. */
export const SEED = token<number>('seed')
/** The run's random numbers; take a named stream for each use. */
export const RNG = token<RandomStream>('rng')
/** The run's resolved configuration. */
export const CONFIG = token<unknown>('config')
/** The run's events, replayed to late subscribers. */
export const EVENTS = token<Observable<RunEvent>>('events')
export const EMIT = token<Emit>('emit')
/** Aborted by Ctrl-C. */
export const SIGNAL = token<AbortSignal>('signal')
/** The engine that runs tensors, started. */
export const ENGINE = token<RunEngine>('engine')
export const RUN_DIRECTORY = token<RunDirectory>('run-directory')
/** Bind any number of plugins here; they win over the defaults of the same kind and name. */
export const PLUGIN = token<Plugin>('plugin')
/** The plugins that come with mixlab. */
export const DEFAULT_PLUGIN = token<Plugin>('default-plugin')
/** All plugins, by kind and name. */
export const PLUGINS = token<PluginTable>('plugins')
/** Bind any number of sinks here: each receives the run's events. */
export const SINK = token<EventSink>('sink')
