// Safetensors files, read lazily: opening reads and checks the header only, and each tensor's bytes are read when asked
// for, once. Nothing is cached, so that a checkpoint larger than memory can be read tensor by tensor. Who reads them in the
// order of the file sees every byte of it once, in order, and can hash them on the way.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { MixlabError } from '@mixlab/core'
import { decode, type Dtype, dtypeBytes, type TensorValues } from './dtypes.ts'
import { corrupt, formatHeader, type Header, headerLength, parseHeader, type TensorInfo } from './header.ts'

export interface HostTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly values: TensorValues
}

/** What a writer needs: the element type as stored, and its bytes as any view. */
export interface RawTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: ArrayBufferView
}

/** An open safetensors file or buffer. Dispose it to close the file. */
export class SafetensorsFile implements Disposable {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
  readonly #label: string
  readonly #read: (start: number, bytes: number) => Uint8Array
  readonly #close: () => void
  readonly #dataStart: number

  constructor(label: string, fileBytes: number, read: (start: number, bytes: number) => Uint8Array, close: () => void) {
    this.#label = label
    this.#read = read
    this.#close = close
    const length = headerLength(fileBytes < 8 ? new Uint8Array(8) : read(0, 8), fileBytes, label)
    this.#dataStart = 8 + length
    const header: Header = parseHeader(read(8, length), fileBytes - this.#dataStart, label)
    this.tensors = header.tensors
    this.metadata = header.metadata
  }

  /** @throws MixlabError if there is no tensor of that name. */
  info(name: string): TensorInfo {
    const info = this.tensors.get(name)
    if (!info) throw new MixlabError(`${this.#label} has no tensor ${name}`)
    return info
  }

  /** The tensors' names in the order of their bytes. */
  inFileOrder(): string[] {
    return [...this.tensors].toSorted(([, a], [, b]) => a.start - b.start || a.end - b.end).map(([name]) => name)
  }

  /** A tensor's bytes as stored. */
  bytes(name: string): Uint8Array {
    const { start, end } = this.info(name)
    return this.#read(this.#dataStart + start, end - start)
  }

  /** A tensor's numbers: F16 and BF16 as float32, I64 and other integers as int32. */
  tensor(name: string): HostTensor {
    const { dtype, shape } = this.info(name)
    return { dtype, shape, values: decode(this.bytes(name), dtype, name) }
  }

  [Symbol.dispose](): void {
    this.#close()
  }
}

/**
 * Opens a file (by path) or a buffer of safetensors.
 * @param seen is shown the bytes of each read: the whole file, when all tensors are read `inFileOrder`. It must not keep
 * or change them.
 * @throws MixlabError if the file is missing, or its header claims what its bytes do not hold.
 */
export function openSafetensors(source: string | Uint8Array, seen?: (bytes: Uint8Array) => void): SafetensorsFile {
  const shown = (bytes: Uint8Array): Uint8Array => {
    seen?.(bytes)
    return bytes
  }
  if (typeof source !== 'string') {
    return new SafetensorsFile(
      'the safetensors data',
      source.byteLength,
      (start, bytes) => shown(source.subarray(start, start + bytes)),
      () => {},
    )
  }
  let file: number
  try {
    file = openSync(source, 'r')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new MixlabError(
      missing ? `${source} does not exist` : `${source} cannot be read: ${(error as Error).message}`,
      { cause: error },
    )
  }
  const read = (start: number, bytes: number): Uint8Array => {
    const buffer = new Uint8Array(bytes)
    let done = 0
    while (done < bytes) {
      const count = readSync(file, buffer, done, Math.min(bytes - done, 2 ** 30), start + done)
      if (count === 0) throw corrupt(source, `it ends at byte ${start + done}`)
      done += count
    }
    return shown(buffer)
  }
  try {
    return new SafetensorsFile(source, fstatSync(file).size, read, () => closeSync(file))
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** Every tensor of a file or a buffer, by name. */
export function readSafetensors(source: string | Uint8Array): {
  tensors: Map<string, HostTensor>
  metadata: Readonly<Record<string, string>>
} {
  using file = openSafetensors(source)
  return {
    tensors: new Map([...file.tensors.keys()].map((name) => [name, file.tensor(name)])),
    metadata: file.metadata,
  }
}

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

function checkSize(name: string, { dtype, shape, data }: RawTensor): void {
  const expected = shape.reduce((product, size) => product * size, dtypeBytes[dtype])
  if (data.byteLength !== expected) {
    throw new MixlabError(
      `tensor ${name}: ${dtype} [${shape.join(', ')}] needs ${expected} bytes, given ${data.byteLength}`,
    )
  }
}

/** The bytes of a safetensors file; equal input gives equal bytes. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { bytes: header, order, dataBytes } = formatHeader(tensors, metadata)
  const file = new Uint8Array(header.length + dataBytes)
  file.set(header)
  let position = header.length
  for (const name of order) {
    const tensor = tensors.get(name)!
    checkSize(name, tensor)
    file.set(bytesOf(tensor.data), position)
    position += tensor.data.byteLength
  }
  return file
}

/** A tensor whose values are fetched when their turn to be written comes: at most one is in memory. */
export interface LazyTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: () => ArrayBufferView | Promise<ArrayBufferView>
}

/** The same file in pieces, for writing to disk without holding it in memory. */
export async function* streamSafetensors(
  tensors: ReadonlyMap<string, LazyTensor>,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array> {
  const { bytes, order } = formatHeader(tensors, metadata)
  yield bytes
  for (const name of order) {
    const { dtype, shape, data } = tensors.get(name)!
    const values = await data()
    checkSize(name, { dtype, shape, data: values })
    yield bytesOf(values)
  }
}
