// What an engine is: a TensorFlow.js backend plus a description of what it can do.
export type Availability =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly reason: string }

export interface Engine {
  readonly name: string
  readonly summary: string
  /** Whether it can run here, and on what, or why not. Does not start it. */
  available(): Promise<Availability>
  /** Registers its backend and kernels and makes them ready. */
  start(): Promise<RunningEngine>
}

export interface RunningEngine {
  readonly name: string
  /** Of the TensorFlow.js backend. */
  readonly backendName: string
  readonly threads?: number
  /** Facts for a run's record: device, versions, threads. */
  describe(): Record<string, string | number>
  /**
   * Live tensors; the bytes that they take on the device; the bytes that the engine holds from the system, and the most
   * that it can hold, where it knows.
   */
  memory(): { tensors: number; bytes: number; reserved?: number; limit?: number }
  /** Throws MixlabError (`out-of-memory`) if so many bytes more are certain not to fit. For what is seen coming. */
  require?(bytes: number, purpose: string): void
  /** Every kernel it can run; `native` are its own, the others run as references or on copied data. */
  kernels(): { name: string; native: boolean }[]
}
