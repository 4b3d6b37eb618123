// The header of a safetensors file: 8 bytes of little-endian length, then JSON {name: {dtype, shape, data_offsets}}. A
// header is a claim about bytes by a stranger, so each claim is checked before anything is read by it: the rules are
// those of the reference implementation (contiguous from 0, no hole, no overlap, shape × dtype = bytes, whole file used).
// https://github.com/huggingface/safetensors#format
import { MixlabError } from '@mixlab/core'
import { type Dtype, dtypeBytes, isDtype } from './dtypes.ts'

export interface TensorInfo {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** First byte and the one after the last, counted from the end of the header. */
  readonly start: number
  readonly end: number
}

export interface Header {
  /** In the order of the file's header. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
}

/** The reference implementation's limit. */
export const maximumHeaderBytes = 100_000_000

/** What every complaint about a file begins with. */
export const corrupt = (label: string, what: string): MixlabError =>
  new MixlabError(`${label} is corrupt: ${what}`, { code: 'corrupt-file' })

/**
 * How long the JSON header is, from the file's first 8 bytes.
 * @throws MixlabError if that cannot be in a file of `fileBytes`.
 */
export function headerLength(first8: Uint8Array, fileBytes: number, label: string): number {
  if (fileBytes < 8) throw corrupt(label, `it has ${fileBytes} bytes, fewer than a safetensors header`)
  const view = new DataView(first8.buffer, first8.byteOffset, 8)
  const length = Number(view.getBigUint64(0, true))
  if (length > maximumHeaderBytes || length > fileBytes - 8) {
    throw corrupt(label, `its header claims ${length} bytes of a file of ${fileBytes}`)
  }
  return length
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function parseTensor(name: string, entry: unknown, label: string): TensorInfo {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>
  if (!isDtype(dtype)) throw corrupt(label, `tensor ${name} has the unknown dtype ${JSON.stringify(dtype)}`)
  if (!Array.isArray(shape) || !shape.every(isCount)) throw corrupt(label, `tensor ${name} has no valid shape`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw corrupt(label, `tensor ${name} has no valid data_offsets`)
  }
  const [start, end] = offsets as [number, number]
  const bytes = shape.reduce((product, size) => product * size, dtypeBytes[dtype])
  if (end - start !== bytes) {
    throw corrupt(
      label,
      `tensor ${name}: ${dtype} [${shape.join(', ')}] needs ${bytes} bytes, its offsets span ${end - start}`,
    )
  }
  return { dtype, shape, start, end }
}

/**
 * Parses and checks a header against the number of bytes that follow it.
 * @param label what errors call the file.
 * @throws MixlabError on the first claim that does not hold.
 */
export function parseHeader(json: Uint8Array, dataBytes: number, label: string): Header {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch {
    throw corrupt(label, 'its header is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw corrupt(label, 'its header is not a JSON object')
  const { __metadata__: metadata = {}, ...entries } = parsed as Record<string, unknown>
  if (
    typeof metadata !== 'object' ||
    metadata === null ||
    !Object.values(metadata).every((value) => typeof value === 'string')
  ) {
    throw corrupt(label, '__metadata__ is not a map of strings')
  }
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, parseTensor(name, entry, label)]))
  let position = 0
  for (const [name, { start, end }] of [...tensors].toSorted(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (start !== position) {
      throw corrupt(
        label,
        `tensor ${name} begins at byte ${start}, expected ${position} (${start < position ? 'an overlap' : 'a hole'})`,
      )
    }
    position = end
  }
  if (position !== dataBytes) throw corrupt(label, `its tensors take ${position} bytes, ${dataBytes} follow the header`)
  return { tensors, metadata: metadata as Record<string, string> }
}

export interface TensorSpecification {
  readonly dtype: Dtype
  readonly shape: readonly number[]
}

const dtypeOrder = Object.keys(dtypeBytes)

/**
 * The first bytes of a file that will hold these tensors, and the order in which their data follow. As the reference
 * writer does it: wide types first (so that every tensor is aligned), then by name; padded with spaces to 8 bytes.
 */
export function formatHeader(
  tensors: ReadonlyMap<string, TensorSpecification>,
  metadata: Readonly<Record<string, string>> = {},
): { bytes: Uint8Array; order: string[]; dataBytes: number } {
  const order = [...tensors.keys()].toSorted((a, b) => {
    const byWidth = dtypeOrder.indexOf(tensors.get(b)!.dtype) - dtypeOrder.indexOf(tensors.get(a)!.dtype)
    return byWidth || Buffer.compare(Buffer.from(a), Buffer.from(b))
  })
  let position = 0
  const entries: [string, unknown][] = order.map((name) => {
    const { dtype, shape } = tensors.get(name)!
    const start = position
    position += shape.reduce((product, size) => product * size, dtypeBytes[dtype])
    return [name, { dtype, shape, data_offsets: [start, position] }]
  })
  if (Object.keys(metadata).length > 0) entries.unshift(['__metadata__', metadata])
  // Built entry by entry: an object would move names such as "7" to the front.
  const json = `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',')}}`
  const text = new TextEncoder().encode(json)
  const padded = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + padded).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(text, 8)
  return { bytes, order, dataBytes: position }
}
