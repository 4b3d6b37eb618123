// GGUF files, read back by the format's own Python package and, for halves, by V8's Float16Array. That llama.cpp computes
// the same with them is tested with the agent that runs them (plugins/agents/test/llama-cpp.test.ts).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RandomStream } from '@mixlab/core'
import { expect, test } from 'vitest'
import { build } from '../../nn/test/models.ts'
import { startEngine } from '../../nn/test/engines.ts'
import { type GgufTensor, type GgufValue, ggufVocabulary, saveGguf, streamGguf, toFloat16 } from '../src/index.ts'

const python = process.env['MIXLAB_PEER_PYTHON'] ?? 'python3'
const peer = spawnSync(python, ['-c', 'import gguf']).status === 0
if (!peer) console.log(`skipped: reading GGUF files back needs gguf in ${python} (pip install gguf)`)

const reader = `
import sys, json, gguf
file = gguf.GGUFReader(sys.argv[1])
fields = {name: field.contents() for name, field in file.fields.items()}
tensors = {t.name: {"type": t.tensor_type.name, "shape": [int(n) for n in reversed(t.shape)], "offset": int(t.data_offset) % 32,
  "values": t.data.astype("float64").reshape(-1).tolist()} for t in file.tensors}
json.dump({"fields": fields, "tensors": tensors}, sys.stdout)
`

interface Read {
  readonly fields: Readonly<Record<string, unknown>>
  readonly tensors: Readonly<
    Record<
      string,
      { readonly type: string; readonly shape: number[]; readonly offset: number; readonly values: number[] }
    >
  >
}

function readBack(path: string): Read {
  const { stdout, stderr, status } = spawnSync(python, ['-c', reader, path], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout) as Read
}

async function inFolder(body: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-gguf-'))
  try {
    await body(join(folder, 'model.gguf'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('halves are V8’s, for every half, for what lies between two, and for random numbers', () => {
  const { Float16Array } = globalThis as unknown as {
    Float16Array: { new (values: Float32Array): ArrayBufferView; new (buffer: ArrayBuffer): ArrayLike<number> }
  }
  const halves = Float32Array.from(new Float16Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer))
  const bits = new Uint32Array(halves.buffer.slice(0))
  const near = [-1, 1, 0xfff, 0x1000, 0x1001].map(
    (step) => new Float32Array(bits.map((word) => (word + step) >>> 0).buffer),
  )
  const rng = new RandomStream(1)
  const random = new Float32Array(Uint32Array.from({ length: 200_000 }, () => rng.word()).buffer)
  for (const values of [halves, ...near, random]) {
    const wanted = new Float16Array(values)
    const words = new Uint16Array(wanted.buffer, wanted.byteOffset, values.length)
    const wrong = [...toFloat16(values)].findIndex((word, i) => !Number.isNaN(values[i]) && word !== words[i])
    expect(wrong === -1 ? '' : `${values[wrong]}`).toBe('')
  }
  expect((toFloat16(Float32Array.of(NaN))[0]! & 0x7fff) > 0x7c00).toBe(true)
})

test.skipIf(!peer)('values of every type, tensors at their places', () =>
  inFolder(async (file) => {
    const metadata = new Map<string, GgufValue>([
      ['general.architecture', { type: 'string', value: 'naïve €' }],
      ['a.count', { type: 'uint32', value: 4_000_000_000 }],
      ['a.number', { type: 'int32', value: -7 }],
      ['a.real', { type: 'float32', value: 0.5 }],
      ['a.yes', { type: 'bool', value: true }],
      ['a.texts', { type: 'array', of: 'string', value: ['', 'Ā', 'two'] }],
      ['a.reals', { type: 'array', of: 'float32', value: [1.5, -2] }],
    ])
    const values = new RandomStream(3).normals(15)
    const tensors = new Map<string, GgufTensor>([
      ['first', { dtype: 'F32', shape: [5, 3], data: () => values }],
      ['half', { dtype: 'F16', shape: [3], data: () => toFloat16(values.subarray(0, 3)) }],
      ['last', { dtype: 'F32', shape: [15], data: () => values }],
    ])
    const pieces: Uint8Array[] = []
    for await (const piece of streamGguf(metadata, tensors)) pieces.push(piece)
    writeFileSync(file, Buffer.concat(pieces))
    const { fields, tensors: read } = readBack(file)
    for (const [key, { value }] of metadata) expect(fields[key]).toEqual(value)
    expect(fields['GGUF.version']).toBe(3)
    expect(read['first']).toEqual({ type: 'F32', shape: [5, 3], offset: 0, values: [...values] })
    expect(read['last']!.values).toEqual([...values])
    expect(read['half']).toMatchObject({ type: 'F16', shape: [3], offset: 0 })
    for (const [i, value] of read['half']!.values.entries()) expect(value).toBeCloseTo(values[i]!, 3)
  }),
)

test.skipIf(!peer)('a model: its names are those that the package has for a Llama', () =>
  inFolder(async (file) => {
    await startEngine('cpu')
    using model = build(
      { layers: 2, width: 8, heads: 2, contextLength: 12, tied: false, feedForward: { width: 12 } },
      256,
    )
    const tokenizer = { name: 'byte', size: 256, endOfDocument: 0, toJSON: () => ({}) }
    await saveGguf(file, model, tokenizer, { name: 'tiny' })
    const { fields, tensors } = readBack(file)
    const known = spawnSync(
      python,
      [
        '-c',
        'import gguf, json; m = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2); print(json.dumps(m.mapping, default=str))',
      ],
      { encoding: 'utf8' },
    )
    const names = JSON.parse(known.stdout) as Record<string, [string, string]>
    const wanted = [...model.parameters().keys()].map((name) => {
      const [, gguf] = names[name.replace(/\.weight$/, '')]!
      return `${gguf}.weight`
    })
    expect(Object.keys(tensors).toSorted()).toEqual(wanted.toSorted())
    const down = model.parameters().get('model.layers.1.mlp.down_proj.weight')!
    expect(tensors['blk.1.ffn_down.weight']).toMatchObject({ shape: [8, 12], values: [...down.dataSync()] })
    expect(fields['llama.feed_forward_length']).toBe(12)
    expect(fields['general.name']).toBe('tiny')
  }),
)

test('a vocabulary of bytes is GPT-2’s letters; another one is refused', () => {
  const metadata = ggufVocabulary({ name: 'byte', size: 256, endOfDocument: 0, toJSON: () => ({}) })
  const tokens = metadata.get('tokenizer.ggml.tokens')!.value as string[]
  // GPT-2's vocabulary writes a space as Ġ and a newline as Ċ.
  expect([tokens[0x20], tokens[0x0a], tokens[0x41], tokens[0x7f]]).toEqual(['Ġ', 'Ċ', 'A', 'ġ'])
  expect(new Set(tokens).size).toBe(256)
  expect(() => ggufVocabulary({ name: 'character', size: 3, toJSON: () => ({}) })).toThrow('the byte tokenizer only')
})
