// What a running experiment is given. The lab implements it; training, evaluators and plugins only use it.
import type { Emit } from './events.ts'
import type { PluginTable } from './plugins.ts'
import type { RandomStream } from './random.ts'
import type { Token } from './tokens.ts'

/** A run's folder. Paths are relative to it; every write is atomic (write, sync, rename). */
export interface RunDirectory {
  readonly path: string
  /** The absolute path of a file in it. */
  file(relative: string): string
  exists(relative: string): boolean
  write(relative: string, data: string | Uint8Array): Promise<void>
  readText(relative: string): Promise<string>
}

export interface ChildOptions<C> {
  readonly config: C
  /** Default: the parent's seed. */
  readonly seed?: number
  /** Of matrix products, by name. Default: the parent's. */
  readonly precision?: string
  /** For progress: this is child `index` of `total`. */
  readonly index?: number
  readonly total?: number
}

export interface RunContext<Config = unknown> {
  readonly id: string
  readonly experiment: string
  /** The resolved configuration, defaults filled in. */
  readonly config: Config
  readonly seed: number
  /** The run's random numbers; take a named stream for each use: `rng.stream('init')`. */
  readonly rng: RandomStream
  /** Aborted by the first Ctrl-C: finish the step, save the state, throw `interrupted()`. */
  readonly signal: AbortSignal
  readonly plugins: PluginTable
  readonly directory: RunDirectory
  /** True when this run goes on from an earlier one's directory. */
  readonly resumed: boolean
  readonly emit: Emit
  /** Resolves when no subscriber that must not lose events is far behind; await it between steps. */
  ready(): Promise<void>
  resolve<T>(id: Token<T>): T
  /**
   * A run inside this one, with a directory (`children/<name>/`), events and seed of its own. A child that had finished
   * before an interruption is not run again: its recorded result is returned.
   */
  child<C, R extends Readonly<Record<string, unknown>>>(
    name: string,
    options: ChildOptions<C>,
    body: (run: RunContext<C>) => Promise<R>,
  ): Promise<R>
}
