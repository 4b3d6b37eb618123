// A function of a tensor that is computed again and again, such as a token's logits: when it has asked for the same twice,
// it is not called any more, and its jobs are repeated.
import { engine, type Tensor, type TypedArray } from '@tensorflow/tfjs-core'
import type { Repeated } from '@mixlab/tensor'
import type { CpuBackend } from './backend.ts'

type Recording = ReturnType<CpuBackend['createRecording']>

/** Recordings in a row that were not the same, or not current any more, before no more are made. */
const mostRecordings = 3

export class Repetition implements Repeated {
  readonly #backend: CpuBackend
  readonly #input: Tensor
  readonly #function: (input: Tensor) => Tensor
  #recording: Recording | undefined
  /** Of the recording. */
  #result: Tensor | undefined
  /** Whether the function has asked for the same a second time, and with how many threads and in which precision. */
  #setting: string | undefined
  #recordings = 0

  constructor(backend: CpuBackend, input: Tensor, f: (input: Tensor) => Tensor) {
    this.#backend = backend
    this.#input = input
    this.#function = f
  }

  run(values: TypedArray): TypedArray {
    const backend = this.#backend
    backend.view(this.#input).set(values)
    if (this.#setting !== undefined) {
      if (this.#setting === this.#settingNow && backend.repeat(this.#recording!, this.#result!))
        return this.#result!.dataSync()
      this.#forget()
    }
    if (this.#recordings >= mostRecordings) return this.#once(() => this.#call())
    return this.#record()
  }

  #record(): TypedArray {
    const backend = this.#backend
    const isFirst = this.#recording === undefined
    if (isFirst) {
      this.#recordings++
      this.#recording = backend.createRecording()
    }
    const recording = this.#recording!
    try {
      if (!isFirst) return this.#once(() => backend.record(recording, () => this.#call()))
      this.#result = backend.record(recording, () => this.#call())
      engine().keep(this.#result)
      return this.#result.dataSync()
    } catch (error) {
      recording.refuse('it failed')
      throw error
    } finally {
      if (recording.reason !== undefined) this.#forget()
      else if (!isFirst) this.#setting = this.#settingNow
    }
  }

  #call(): Tensor {
    return engine().tidy(() => this.#function(this.#input)) as Tensor
  }

  #once(call: () => Tensor): TypedArray {
    const result = call()
    const values = result.dataSync()
    result.dispose()
    return values
  }

  get #settingNow(): string {
    return `${this.#backend.threads()} ${this.#backend.precision()}`
  }

  #forget(): void {
    this.#result?.dispose()
    if (this.#recording) this.#backend.forget(this.#recording)
    this.#result = this.#recording = this.#setting = undefined
  }

  dispose(): void {
    this.#forget()
    this.#input.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
