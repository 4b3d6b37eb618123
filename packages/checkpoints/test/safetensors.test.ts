import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { afterAll, describe, expect, it } from 'vitest'
import {
  type LazyTensor,
  openSafetensors,
  type RawTensor,
  readSafetensors,
  streamSafetensors,
  toBfloat16,
  writeSafetensors,
} from '../src/index.ts'

const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name)
const folder = mkdtempSync(join(tmpdir(), 'mixlab-checkpoints-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** dtypes.safetensors and dtypes.json were written by safetensors 0.8.0 and torch. */
type Expected = Record<string, { shape: number[]; values: string[] }>
const { __rounding__: rounding, ...expected } = JSON.parse(readFileSync(fixture('dtypes.json'), 'utf8')) as Expected & {
  __rounding__: { values: number[]; bf16: number[] }
}

describe('reading what the reference implementation wrote', () => {
  const { tensors, metadata } = readSafetensors(fixture('dtypes.safetensors'))

  it('finds every tensor and the metadata', () => {
    expect([...tensors.keys()].toSorted()).toEqual(Object.keys(expected).toSorted())
    expect(metadata).toEqual({ format: 'pt' })
  })

  it.each(Object.keys(expected))('%s has the values torch has', (name) => {
    const { shape, values } = tensors.get(name)!
    expect(shape).toEqual(expected[name]!.shape)
    const numbers = expected[name]!.values.map((text) => Number(text.replace('inf', 'Infinity')))
    expect([...values]).toEqual(numbers)
  })

  it('rounds to bfloat16 as torch does', () => {
    expect([...toBfloat16(Float32Array.from(rounding.values))]).toEqual(rounding.bf16)
    expect(toBfloat16(Float32Array.of(NaN))[0]! & 0x7fc0).toBe(0x7fc0)
  })
})

const raw = (path: string): { tensors: Map<string, RawTensor>; metadata: Readonly<Record<string, string>> } => {
  using file = openSafetensors(path)
  const tensors = new Map(
    [...file.tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape, data: file.bytes(name) }]),
  )
  return { tensors, metadata: file.metadata }
}

it.each(['llama.safetensors', 'dtypes.safetensors'])('%s read in its order shows each byte of it once', (name) => {
  const pieces: Uint8Array[] = []
  using opened = openSafetensors(fixture(name), (bytes) => void pieces.push(bytes.slice()))
  for (const tensor of opened.inFileOrder()) opened.bytes(tensor)
  expect(opened.inFileOrder().toSorted()).toEqual([...opened.tensors.keys()].toSorted())
  expect(Buffer.compare(Buffer.concat(pieces), readFileSync(fixture(name)))).toBe(0)
})

describe('writing', () => {
  it.each(['llama.safetensors', 'dtypes.safetensors'])('gives back the bytes of %s', async (name) => {
    const { tensors, metadata } = raw(fixture(name))
    const shuffled = new Map([...tensors].toReversed())
    expect(Buffer.compare(writeSafetensors(shuffled, metadata), readFileSync(fixture(name)))).toBe(0)
    const lazy = new Map<string, LazyTensor>(
      [...tensors].map(([key, { dtype, shape, data }]) => [key, { dtype, shape, data: () => data }]),
    )
    const pieces: Uint8Array[] = []
    for await (const piece of streamSafetensors(lazy, metadata)) pieces.push(piece)
    expect(Buffer.compare(Buffer.concat(pieces), readFileSync(fixture(name)))).toBe(0)
  })

  it('refuses data that do not fill the shape', () => {
    const tensors = new Map([['w', { dtype: 'F32', shape: [3], data: new Float32Array(2) } as const]])
    expect(() => writeSafetensors(tensors)).toThrow('tensor w: F32 [3] needs 12 bytes, given 8')
  })
})

const file = (json: unknown, data = 0, length?: number): Uint8Array => {
  const header = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json))
  const bytes = Buffer.alloc(8 + header.length + data)
  bytes.writeBigUInt64LE(BigInt(length ?? header.length))
  header.copy(bytes, 8)
  return bytes
}
const f32 = (shape: unknown, start: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [start, end] })

describe('a file that lies', () => {
  const lies: [string, Uint8Array, string][] = [
    ['short', new Uint8Array(3), 'it has 3 bytes'],
    ['long header', file('{}', 0, 1000), 'its header claims 1000 bytes of a file of 10'],
    ['huge header', file('{}', 0, 2 ** 52), 'its header claims'],
    ['not JSON', file('{"a":'), 'its header is not JSON'],
    ['list', file([]), 'its header is not a JSON object'],
    ['dtype', file({ a: { dtype: 'F33', shape: [1], data_offsets: [0, 4] } }, 4), 'unknown dtype "F33"'],
    ['inherited dtype', file({ a: { dtype: 'toString', shape: [1], data_offsets: [0, 4] } }, 4), 'unknown dtype'],
    ['negative shape', file({ a: f32([-1], 0, 4) }, 4), 'no valid shape'],
    ['product', file({ a: f32([3], 0, 8) }, 8), 'F32 [3] needs 12 bytes, its offsets span 8'],
    ['overflow', file({ a: f32([2 ** 40, 2 ** 40], 0, 8) }, 8), 'needs'],
    ['overlap', file({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), 'begins at byte 4, expected 8 (an overlap)'],
    ['hole', file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), 'begins at byte 8, expected 4 (a hole)'],
    ['truncated', file({ a: f32([4], 0, 16) }, 12), 'its tensors take 16 bytes, 12 follow the header'],
    ['trailing', file({ a: f32([1], 0, 4) }, 5), 'its tensors take 4 bytes, 5 follow the header'],
    ['metadata', file({ __metadata__: { a: 1 } }), '__metadata__ is not a map of strings'],
  ]

  it.each(lies)('%s', (name, bytes, message) => {
    const path = join(folder, `${name}.safetensors`)
    writeFileSync(path, bytes)
    const read = () => readSafetensors(path)
    expect(read).toThrow(MixlabError)
    expect(read).toThrow(`${path} is corrupt: `)
    expect(read).toThrow(message)
    expect(() => readSafetensors(bytes)).toThrow(message)
  })

  it('names a missing file, a missing tensor and an integer that does not fit', () => {
    expect(() => readSafetensors(join(folder, 'nothing'))).toThrow('nothing does not exist')
    expect(() => openSafetensors(fixture('llama.safetensors')).tensor('nothing')).toThrow('has no tensor nothing')
    const big = writeSafetensors(
      new Map([['n', { dtype: 'I64', shape: [1], data: BigInt64Array.of(2n ** 31n) } as const]]),
    )
    expect(() => readSafetensors(big)).toThrow('tensor n holds 2147483648 at element 0, which does not fit in int32')
  })
})
