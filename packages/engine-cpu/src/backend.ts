// The TensorFlow.js backend over the shared memory. A tensor's data is a block of it, known by address; kernels get
// addresses, never copies. Strings, which kernels never touch, stay JavaScript values, and a complex tensor is a pair
// of real ones.
import {
  backend_util,
  engine,
  KernelBackend,
  util,
  type BackendValues,
  type DataId,
  type DataType,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import { blasSetting, openBlas, type Blas } from './blas.ts'
import { DataTable, OwnId } from './data-table.ts'
import { copyOf, Elements, type Values } from './elements.ts'
import { kernelModule } from './kernel-module.ts'
import { MadeByKernels } from './made-by-kernels.ts'
import { createSharedMemory, memoryFromEnvironment, memoryOf, type SharedMemory } from './memory.ts'
import { type Deferrable, Deferral, type Pending } from './deferral.ts'
import type { Processor } from './native/executable.ts'
import { bytesFor, type Held, TensorMemory } from './tensor-memory.ts'
import type { Walk } from './native/fused.ts'
import { notedPool, Recording } from './recording.ts'
import { tensorName } from './out-of-memory.ts'
import { createPool, disposedError, threadsFromEnvironment, type KernelObserver, type Pool } from './pool.ts'

export const backendName = 'mixlab-cpu'

/** So many elements from the host are kept there too: kernels ask for them. */
const knownSize = 64

/** `shape` is as it was made: an alias may have another. */
interface Data extends Deferrable<Data>, Held {
  /** Whether no job that waits writes it. */
  settled: boolean
  /** Its values, of small tensors that came from the host. */
  values?: Values
  readonly strings?: Uint8Array[]
  readonly parts?: { real: TensorInfo; imag: TensorInfo }
}

export interface CpuBackendOptions {
  /** Threads that share the work; MIXLAB_THREADS, or else all cores. */
  readonly threads?: number
  /** Machine code where it can run (the default, unless MIXLAB_NATIVE=off); false: WebAssembly only. */
  readonly native?: boolean
  /** Elements from which on elementwise functions are deferred and fused (2048). */
  readonly deferFrom?: number
  /** Bytes of memory at most, 16 MiB … 4 GiB; MIXLAB_MEMORY, or else 4 GiB. */
  readonly memoryLimit?: number
  /** What multiplies large float32 matrices: off, auto or the file of a library; MIXLAB_BLAS, or else see blas.ts. */
  readonly blas?: string
}

/** An elementwise function that is to be computed later. */
export interface DeferredFunction extends Pick<Pending<Data>, 'name' | 'parameters' | 'width'> {
  readonly operands: readonly { readonly info: TensorInfo; readonly walk: Walk }[]
}

/** Fetches what another backend holds. TensorFlow.js itself fails obscurely for a tensor that no backend holds. */
function moveData(to: KernelBackend, dataId: DataId): void {
  if (!engine().state.tensorInfo.has(dataId)) {
    throw new Error(
      'a tensor was used after it was disposed (what is made in tf.tidy ends with it, unless returned or kept)',
    )
  }
  engine().moveData(to, dataId)
}

export class CpuBackend extends KernelBackend {
  /** What products that start now round their operands to. Whoever starts the engine says where to ask. */
  precision: () => 'float32' | 'bfloat16' = () => 'float32'
  /** What float32 products are given to first. */
  readonly blas: Blas | undefined
  readonly #memory: SharedMemory
  readonly #pool: Pool
  readonly #tensors: TensorMemory
  readonly #elements: Elements
  readonly #data: DataTable<Data>
  readonly #deferFrom: number
  /** Only machine code can be made for a chain of functions. */
  readonly #deferral: Deferral<Data> | undefined
  readonly #made = new MadeByKernels()
  /** What is being noted. */
  #recording: Recording<Data> | undefined
  /** How often data were let go. */
  #changes = 0
  #disposed = false

  constructor({
    threads = threadsFromEnvironment(),
    native = true,
    memoryLimit,
    blas,
    deferFrom = 2048,
  }: CpuBackendOptions = {}) {
    super()
    this.#memory = createSharedMemory(memoryLimit === undefined ? memoryFromEnvironment() : memoryOf(memoryLimit))
    const pool = createPool(kernelModule(), this.#memory, threads, native)
    this.#pool = notedPool(pool, () => this.#recording)
    const setting = blas ?? (native ? blasSetting(typeof this.native() === 'object') : 'off')
    this.blas = openBlas(setting, this.#memory.memory)
    this.#tensors = new TensorMemory(this.#memory, this.#pool.dataStart, this.#pool.progress)
    this.#elements = new Elements(this.#memory, this.#pool)
    this.#data = new DataTable<Data>(this, { moveData })
    this.#deferFrom = deferFrom
    const processor = this.native()
    if (typeof processor !== 'string') this.#deferral = this.#createDeferral(processor)
  }

  // What kernels use.

  /** Byte address of the tensor's elements, 64-byte aligned. */
  pointer(info: TensorInfo): number {
    const data = this.#computed(info.dataId)
    const { address, dtype } = data
    if (address === 0) throw new Error(`a ${dtype} tensor has no address`)
    this.#recording?.use(info, data)
    return address
  }

  /** The address of a tensor that the kernel will write into: what is to read its present values is computed first. */
  pointerToWrite(info: TensorInfo): number {
    const data = this.#computed(info.dataId)
    if (data.holds > 0) this.#deferral?.flush()
    data.settled = false
    delete data.values
    this.#recording?.written.add(data)
    return this.pointer(info)
  }

  /** Whether a function of a tensor of this size is better left until its result is needed: see deferral.ts. */
  defers(size: number): boolean {
    return this.#deferral !== undefined && size >= this.#deferFrom
  }

  /** A new tensor whose elements are computed when they are first needed. */
  deferred(shape: readonly number[], pending: DeferredFunction): TensorInfo {
    if (this.#disposed) throw disposedError()
    const dataId = new OwnId()
    const size = util.sizeFromShape(shape as number[])
    // As if it were computed now: nobody expects a later read to fail for want of memory.
    this.require(bytesFor(size, 'float32'), tensorName('float32', shape))
    const data: Data = { dtype: 'float32', size, shape, address: 0, references: 1, holds: 0, index: -1, settled: false }
    const operands = pending.operands.map(({ info, walk }) => ({ data: this.#data.get(info.dataId), walk }))
    this.#deferral!.defer(data, { ...pending, operands })
    this.#data.set(dataId, data)
    this.#made.note(dataId)
    return { dataId, shape: shape as number[], dtype: 'float32' }
  }

  /** A tensor's data, computed. */
  #computed(dataId: DataId): Data {
    const data = this.#data.get(dataId)
    if (data.pending) this.#deferral!.compute(data)
    return data
  }

  /** A new tensor whose elements are not initialised. */
  output(shape: readonly number[], dtype: DataType): TensorInfo {
    const dataId = new OwnId()
    this.#hold(dataId, shape, dtype, 1)
    this.#made.note(dataId)
    return { dataId, shape: shape as number[], dtype }
  }

  /** The same elements under another shape. */
  alias(info: TensorInfo, shape: readonly number[] = info.shape): TensorInfo {
    this.incRef(info.dataId)
    this.#made.note(info.dataId)
    return { dataId: info.dataId, shape: shape as number[], dtype: info.dtype }
  }

  /** Frees a tensor that a kernel made for itself. */
  release(info: TensorInfo): void {
    this.disposeData(info.dataId)
  }

  /** Memory that lives until the running kernel call returns. */
  scratch(bytes: number): number {
    return this.#tensors.scratch(bytes)
  }

  scratchMark(): number {
    return this.#tensors.scratchMark()
  }

  /** Frees what was taken with `scratch` since the mark. */
  releaseScratch(mark = 0): void {
    this.#tensors.releaseScratch(mark)
  }

  /** Runs a kernel: what it took as scratch is freed when it ends, and, where it throws, so are the tensors it made. */
  call<C, R>(run: (call: C) => R, call: C): R {
    const mark = this.#tensors.scratchMark()
    const made = this.#made.enter()
    try {
      return run(call)
    } catch (error) {
      this.#made.giveBack(made, (id) => this.disposeData(id))
      throw error
    } finally {
      this.#made.leave()
      this.#endOfCall()
      this.releaseScratch(mark)
    }
  }

  /** Outside of kernels, what was staged belongs to the jobs that were asked for by now. */
  #endOfCall(): void {
    if (!this.#made.isRunning) this.#pool.closeStage()
  }

  /**
   * Has a kernel of the module run over [0, count) on the threads, in chunks of `grain` items, after all that was asked for
   * before. Arguments: see thread.ts.
   */
  run(kernel: string, count: number, grain: number, ...args: number[]): void {
    this.#pool.run({ kernel: this.#pool.kernel(kernel), count, grain, args })
  }

  /** Plans jobs whose arguments may be others each time that a recording is repeated: `plan` is called again. */
  planned(plan: () => void): void {
    const recording = this.#recording
    if (!recording) return plan()
    recording.notePlan(plan)
    this.#note(undefined, plan)
  }

  #note<R>(recording: Recording<Data> | undefined, body: () => R): R {
    const before = this.#recording
    this.#recording = this.#tensors.recording = recording
    try {
      return body()
    } finally {
      this.#recording = this.#tensors.recording = before
    }
  }

  /** An empty recording; it has memory until it is forgotten. */
  createRecording(): Recording<Data> {
    return new Recording<Data>({
      allocate: (bytes) => {
        const address = this.#tensors.allocate(bytes, () => 'a recording')
        this.#tensors.reserve(address)
        return address
      },
      read: (address, bytes) => new Uint8Array(this.#memory.buffer(), address, bytes).slice(),
    })
  }

  /** Runs a function, and notes what it asks for. */
  record<R>(recording: Recording<Data>, body: () => R): R {
    this.#deferral?.flush()
    const result = this.#note(recording, () => {
      const found = body()
      this.#deferral?.flush()
      return found
    })
    recording.end()
    return result
  }

  /**
   * Asks for the same once more, for what becomes its result. Returns false, and asks for nothing, where what it reads is
   * no longer what it was.
   */
  repeat(recording: Recording<Data>, result: TensorInfo): boolean {
    if (recording.reason !== undefined || !recording.isCurrent(this.#changes)) return false
    this.#deferral?.flush()
    for (const batch of recording.batches) {
      if (typeof batch === 'function') this.call(batch, undefined)
      else this.#pool.runAll(batch)
    }
    for (const data of [...recording.written, this.#data.get(result.dataId)]) {
      data.settled = false
      delete data.values
    }
    return true
  }

  /** Frees the memory of a recording that is repeated no more. */
  forget(recording: Recording<Data>): void {
    this.#tensors.unreserve(recording.owned)
  }

  /** Waits until all kernels that were asked for have run. @throws what went wrong in one of them since the last time */
  settle(): void {
    this.#pool.settle()
  }

  /** The same, and what was left for later is not left any longer. */
  synchronize(): void {
    this.#deferral?.flush()
    this.settle()
  }

  /** Tells how long each kernel takes, by name, until it is called without an observer. Kernels then run one at a time. */
  watch(observer?: KernelObserver): void {
    this.#pool.watch(observer)
  }

  /** A tensor's values, to be read at once; not to be written to. */
  values(info: Pick<TensorInfo, 'dataId'>): Values {
    const data = this.#computed(info.dataId)
    // What was given on the way is the same each time, or else its table differs.
    if (this.#recording && !(data.values && this.#recording.owned.has(data.address)))
      this.#recording.refuse('it looks at a value')
    if (data.values) return data.values
    if (!data.settled) this.settle()
    data.settled = true
    return this.#elements.now(data)
  }

  /** The elements in place, to be read and written at once: the view dies with the tensor. */
  view(info: TensorInfo): Values {
    this.pointerToWrite(info)
    return this.#elements.settled(this.#data.get(info.dataId))
  }

  /** Elements at an address, once nothing that waits writes or reads them. */
  viewAt(address: number, size: number, dtype: DataType = 'float32'): Values {
    return this.#elements.settled({ address, size, dtype })
  }

  /** Memory for what the running kernel's jobs are to read, `bytes` long, to be written at once. */
  stage(bytes: number): { address: number; buffer: SharedArrayBuffer } {
    let address = this.#pool.stage(bytes)
    if (address === undefined) {
      address = this.scratch(bytes)
      this.settle()
    }
    return { address, buffer: this.#memory.buffer() }
  }

  /** A complex tensor of two real ones, whose reference counts it raises. */
  complex(real: TensorInfo, imag: TensorInfo): TensorInfo {
    const dataId = new OwnId()
    const size = util.sizeFromShape(real.shape)
    this.#data.set(dataId, {
      dtype: 'complex64',
      size,
      shape: real.shape,
      address: 0,
      references: 1,
      holds: 0,
      index: -1,
      settled: true,
      parts: { real: this.alias(real), imag: this.alias(imag) },
    })
    this.#made.note(dataId)
    return { dataId, shape: real.shape, dtype: 'complex64' }
  }

  /** The real and imaginary part of a complex tensor, uncounted. */
  complexParts(info: TensorInfo): { real: TensorInfo; imag: TensorInfo } {
    return this.#data.get(info.dataId).parts!
  }

  strings(info: TensorInfo): Uint8Array[] | undefined {
    return this.#data.get(info.dataId).strings
  }

  threads(): number {
    return this.#pool.threads()
  }

  /** The processor that kernels run on as machine code; else why there is none. */
  native(): Processor | string {
    return typeof this.#pool.native === 'string' ? this.#pool.native : this.#pool.native.processor
  }

  setThreads(threads: number): void {
    this.#pool.setThreads(threads)
  }

  /** Bytes of all live tensors and scratch, block sizes included; bytes of the shared memory. */
  usage(): { allocatedBytes: number; reservedBytes: number } {
    return this.#tensors.usage()
  }

  /** The most that `reservedBytes` can become. */
  memoryLimit(): number {
    return this.#memory.limit.bytes
  }

  /** @throws MixlabError (`out-of-memory`) if this much is not left under the limit, whatever may be in the way. */
  require(bytes: number, purpose: string): void {
    this.#tensors.require(bytes, purpose)
  }

  // What TensorFlow.js uses.

  override write(values: BackendValues | null, shape: number[], dtype: DataType): DataId {
    const dataId = new OwnId()
    this.move(dataId, values as BackendValues, shape, dtype, 1)
    this.#made.note(dataId)
    return dataId
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    if (dtype === 'string') {
      const size = util.sizeFromShape(shape)
      this.#data.set(dataId, {
        dtype,
        size,
        shape,
        address: 0,
        strings: values as Uint8Array[],
        references: refCount,
        holds: 0,
        index: -1,
        settled: true,
      })
      return
    }
    if (dtype === 'complex64') throw new Error('complex64 tensors are made with tf.complex')
    const data = this.#hold(dataId, shape, dtype, refCount, values !== null)
    const given = values as Values | null
    if (given && this.#tensors.isAtHost(data)) this.#elements.now(data).set(given)
    else data.settled = this.#elements.write(data, given)
    this.#endOfCall()
    if (given && data.size <= knownSize) data.values = copyOf(given, dtype)
  }

  override readSync(dataId: DataId, start?: number, end?: number): BackendValues {
    if (this.#disposed) throw disposedError()
    const { strings, parts } = this.#computed(dataId)
    if (strings) return strings.slice(start, end)
    if (parts) {
      const [real, imag] = [parts.real, parts.imag].map((part) => this.readSync(part.dataId) as Float32Array)
      return backend_util.mergeRealAndImagArrays(real!, imag!)
    }
    // A copy, whose buffer is not shared.
    return this.values({ dataId }).slice(start, end)
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    return this.readSync(dataId)
  }

  override disposeData(dataId: DataId, force = false): boolean {
    this.#made.forget(dataId)
    if (!this.#data.has(dataId)) return true
    const data = this.#data.get(dataId)
    this.#changes++
    data.references--
    if (!force && data.references > 0) return false
    data.references = 0
    this.#data.delete(dataId)
    // Pending results may still read it.
    if (data.holds === 0) this.#free(data)
    if (data.parts) for (const part of [data.parts.real, data.parts.imag]) this.disposeData(part.dataId)
    return true
  }

  override refCount(dataId: DataId): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).references : 0
  }

  override incRef(dataId: DataId): void {
    this.#data.get(dataId).references++
  }

  override numDataIds(): number {
    return this.#data.numDataIds()
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false }
  }

  override floatPrecision(): 32 {
    return 32
  }

  override epsilon(): number {
    return super.epsilon()
  }

  override timerAvailable(): boolean {
    return true
  }

  override async time(run: () => void): Promise<{ kernelMs: number }> {
    this.synchronize()
    const start = performance.now()
    run()
    this.synchronize()
    return { kernelMs: performance.now() - start }
  }

  /** Ends the workers. What was being read is read already; any further use throws MixlabError (`engine-disposed`). */
  override dispose(): void {
    this.#disposed = true
    this.#pool[Symbol.dispose]()
  }

  get disposed(): boolean {
    return this.#disposed
  }

  #free(data: Data): void {
    if (data.pending) this.#deferral!.drop(data)
    else if (data.address !== 0) this.#tensors.free(data)
  }

  #createDeferral(processor: Processor): Deferral<Data> {
    return new Deferral({
      set: processor.set,
      place: (data) => this.#tensors.place(data),
      unplace: (data) => this.#tensors.free(data),
      free: (data) => this.#free(data),
      runCode: (code, count, grain, args) =>
        this.#pool.run({ kernel: { name: 'fused', place: 0, code }, count, grain, args }),
    })
  }

  /** Memory for a new tensor's elements. */
  #hold(dataId: DataId, shape: readonly number[], dtype: DataType, references: number, fromHost = false): Data {
    if (this.#disposed) throw disposedError()
    const size = util.sizeFromShape(shape as number[])
    const data: Data = { dtype, size, shape, address: 0, references, holds: 0, index: -1, settled: false }
    if (!fromHost || !this.#tensors.placeAtHost(data)) this.#tensors.place(data)
    this.#data.set(dataId, data)
    return data
  }
}
