// What an engine is: a TensorFlow.js backend plus a description of what it can do.
import type { Precision, PrecisionName } from './precision.ts'
import type { tf } from './tf.ts'

export type Availability =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly reason: string }

export interface Engine {
  readonly name: string
  readonly summary: string
  /** Whether it can run here, and on what, or why not. Does not start it. */
  available(): Promise<Availability>
  /** Registers its backend and kernels and makes them ready. */
  start(context?: EngineContext): Promise<RunningEngine>
}

/** What an engine's kernels may ask while they run. */
export interface EngineContext {
  /** The policy in force, for products that are computed now. Default: float32. */
  precision(): Precision
}

/** See `RunningEngine.repeated`. */
export interface Repeated extends Disposable {
  /** The values of `f` of these values. */
  run(values: tf.TypedArray): tf.TypedArray
  dispose(): void
}

export interface RunningEngine {
  readonly name: string
  /** Of the TensorFlow.js backend. */
  readonly backendName: string
  readonly threads?: number
  /** In which its matrix products can be computed. Default: float32 only. */
  readonly precisions?: readonly PrecisionName[]
  /** Facts for a run's record: device, versions, threads. */
  describe(): Record<string, string | number>
  /**
   * Live tensors; the bytes that they take on the device; the bytes that the engine holds from the system, and the most
   * that it can hold, where it knows.
   */
  memory(): { tensors: number; bytes: number; reserved?: number; limit?: number }
  /** Throws MixlabError (`out-of-memory`) if so many bytes more are certain not to fit. For what is seen coming. */
  require?(bytes: number, purpose: string): void
  /** Waits until all that was asked for is computed, for whoever measures time. Of engines that compute behind the caller's back. */
  synchronize?(): void
  /**
   * `f` of other values of `input` each time, whose result is read on the host. An engine may do again what `f` asked it
   * for instead of calling it: all that changes otherwise between two calls must be an attribute that is a function
   * (`position` of cachedAttention). What reads tensors on the host is called each time. `input` is disposed of with it.
   */
  repeated?(input: tf.Tensor, f: (input: tf.Tensor) => tf.Tensor): Repeated
  /** Every kernel it can run; `native` are its own, the others run as references or on copied data. */
  kernels(): { name: string; native: boolean }[]
}
