// The TensorFlow.js backend over the shared memory. A tensor's data is a block of it, known by address; kernels get
// addresses, never copies. Strings, which kernels never touch, stay JavaScript values, and a complex tensor is a pair
// of real ones.
import {
  backend_util,
  DataStorage,
  engine,
  KernelBackend,
  util,
  type BackendValues,
  type DataId,
  type DataType,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import { createAllocator, type Allocator } from './allocator.ts'
import { kernelModule } from './kernel-module.ts'
import { createSharedMemory, type SharedMemory } from './memory.ts'
import { createPool, disposedError, threadsFromEnvironment, type Pool } from './pool.ts'

export const backendName = 'mixlab-cpu'

type Values = Float32Array | Int32Array | Uint8Array

interface Data {
  readonly dtype: DataType
  readonly size: number
  readonly address: number
  readonly strings?: Uint8Array[]
  readonly parts?: { real: TensorInfo; imag: TensorInfo }
  references: number
}

export interface CpuBackendOptions {
  /** Threads that share the work; MIXLAB_THREADS, or else all cores. */
  readonly threads?: number
  /** Machine code where it can run (the default, unless MIXLAB_NATIVE=off); false: WebAssembly only. */
  readonly native?: boolean
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
  readonly #memory: SharedMemory = createSharedMemory()
  readonly #pool: Pool
  readonly #allocator: Allocator
  readonly #data: DataStorage<Data>
  readonly #scratch: number[] = []
  readonly #made: DataId[] = []
  #calls = 0
  #disposed = false

  constructor({ threads = threadsFromEnvironment(), native = true }: CpuBackendOptions = {}) {
    super()
    this.#pool = createPool(kernelModule(), this.#memory, threads, native)
    this.#allocator = createAllocator({
      start: this.#pool.dataStart,
      end: this.#memory.buffer().byteLength,
      extend: (end) => this.#memory.extend(end),
    })
    this.#data = new DataStorage<Data>(this, { moveData })
  }

  /** Runs a kernel: its scratch memory is freed when it returns or throws, and what it has made when it throws. */
  call<T>(kernel: () => T): T {
    const [scratch, made] = [this.#scratch.length, this.#made.length]
    this.#calls++
    try {
      return kernel()
    } catch (error) {
      for (const dataId of this.#made.splice(made)) this.disposeData(dataId, true)
      throw error
    } finally {
      this.#calls--
      this.#made.length = made
      this.releaseScratch(scratch)
    }
  }

  // What kernels use.

  /** Byte address of the tensor's elements, 64-byte aligned. */
  pointer(info: TensorInfo): number {
    const { address, dtype } = this.#data.get(info.dataId)
    if (address === 0) throw new Error(`a ${dtype} tensor has no address`)
    return address
  }

  /** A new tensor whose elements are not initialised. */
  output(shape: readonly number[], dtype: DataType): TensorInfo {
    const dataId = {}
    const size = util.sizeFromShape(shape as number[])
    this.#data.set(dataId, { dtype, size, address: this.#allocate(size, dtype), references: 1 })
    if (this.#calls > 0) this.#made.push(dataId)
    return { dataId, shape: shape as number[], dtype }
  }

  /** The same elements under another shape. */
  alias(info: TensorInfo, shape: readonly number[] = info.shape): TensorInfo {
    this.incRef(info.dataId)
    return { dataId: info.dataId, shape: shape as number[], dtype: info.dtype }
  }

  /** Frees a tensor that a kernel made for itself. */
  release(info: TensorInfo): void {
    this.disposeData(info.dataId)
  }

  /** Memory that lives until the running kernel call returns. */
  scratch(bytes: number): number {
    const address = this.#allocator.allocate(bytes)
    this.#scratch.push(address)
    return address
  }

  scratchMark(): number {
    return this.#scratch.length
  }

  /** Frees what was taken with `scratch` since the mark. */
  releaseScratch(mark = 0): void {
    while (this.#scratch.length > mark) this.#allocator.release(this.#scratch.pop()!)
  }

  /** Runs a kernel of the module over [0, count) on the threads, in chunks of `grain` items. Arguments: see thread.ts. */
  run(kernel: string, count: number, grain: number, ...args: number[]): void {
    this.#pool.run(kernel, count, grain, args)
  }

  /** The elements in place. The view dies with the tensor: copy what is to be kept. */
  view(info: TensorInfo): Values {
    const { address, dtype, size } = this.#data.get(info.dataId)
    return this.viewAt(address, size, dtype)
  }

  /** Elements at an address. */
  viewAt(address: number, size: number, dtype: DataType = 'float32'): Values {
    if (dtype === 'float32') return new Float32Array(this.#memory.buffer(), address, size)
    if (dtype === 'int32') return new Int32Array(this.#memory.buffer(), address, size)
    return new Uint8Array(this.#memory.buffer(), address, size)
  }

  /** A complex tensor of two real ones, whose reference counts it raises. */
  complex(real: TensorInfo, imag: TensorInfo): TensorInfo {
    const dataId = {}
    const size = util.sizeFromShape(real.shape)
    this.#data.set(dataId, {
      dtype: 'complex64',
      size,
      address: 0,
      references: 1,
      parts: { real: this.alias(real), imag: this.alias(imag) },
    })
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

  /** True where products run as machine code; else why they do not. */
  native(): true | string {
    return this.#pool.native
  }

  setThreads(threads: number): void {
    this.#pool.setThreads(threads)
  }

  /** Bytes of all live tensors and scratch, block sizes included; bytes of the shared memory. */
  usage(): { allocatedBytes: number; reservedBytes: number } {
    return { allocatedBytes: this.#allocator.allocatedBytes(), reservedBytes: this.#allocator.reservedBytes() }
  }

  // What TensorFlow.js uses.

  override write(values: BackendValues | null, shape: number[], dtype: DataType): DataId {
    const dataId = {}
    this.move(dataId, values as BackendValues, shape, dtype, 1)
    return dataId
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    const size = util.sizeFromShape(shape)
    if (dtype === 'string') {
      this.#data.set(dataId, { dtype, size, address: 0, strings: values as Uint8Array[], references: refCount })
      return
    }
    if (dtype === 'complex64') throw new Error('complex64 tensors are made with tf.complex')
    const address = this.#allocate(size, dtype)
    this.#data.set(dataId, { dtype, size, address, references: refCount })
    const view = this.viewAt(address, size, dtype)
    if (values) view.set(values as Float32Array)
    else view.fill(0)
  }

  override readSync(dataId: DataId, start?: number, end?: number): BackendValues {
    if (this.#disposed) throw disposedError()
    const { address, dtype, size, strings, parts } = this.#data.get(dataId)
    if (strings) return strings.slice(start, end)
    if (parts) {
      const [real, imag] = [parts.real, parts.imag].map((part) => this.readSync(part.dataId) as Float32Array)
      return backend_util.mergeRealAndImagArrays(real!, imag!)
    }
    const shared = this.viewAt(address, size, dtype).subarray(start ?? 0, end ?? size)
    const copy =
      dtype === 'float32'
        ? new Float32Array(shared.length)
        : dtype === 'int32'
          ? new Int32Array(shared.length)
          : new Uint8Array(shared.length)
    copy.set(shared)
    return copy
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    return this.readSync(dataId)
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.#data.has(dataId)) return true
    const data = this.#data.get(dataId)
    data.references--
    if (!force && data.references > 0) return false
    this.#data.delete(dataId)
    if (data.address !== 0) this.#allocator.release(data.address)
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
    const start = performance.now()
    run()
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

  #allocate(size: number, dtype: DataType): number {
    if (this.#disposed) throw disposedError()
    return this.#allocator.allocate(size * (dtype === 'bool' ? 1 : 4))
  }
}
