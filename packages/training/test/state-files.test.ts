// A file of tensors is read once: what is used is what was hashed, and nothing of a file that was changed is used.
import { readFileSync, writeFileSync } from 'node:fs'
import { MixlabError } from '@mixlab/core'
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, expect, test } from 'vitest'
import { saveCheckpoint } from '../src/checkpoint.ts'
import { readCheckpoint, withTensors } from '../src/index.ts'
import { readInto, tensorFile } from '../src/state-files.ts'
import { temporaryFolder } from './runs.ts'
import { startEngine } from './tiny.ts'

beforeAll(() => startEngine('cpu'))

const name = 'model.safetensors'

/** A checkpoint of three small tensors. */
async function saved(): Promise<{ path: string; file: string; values: Record<string, number[]> }> {
  const tensors = new Map<string, tf.Tensor>([
    ['second', tf.tensor([1.5, -2, 3, 4], [2, 2])],
    ['empty', tf.zeros([0, 3])],
    ['first', tf.tensor([7, 8, 9], [3], 'int32')],
  ])
  const { path } = await saveCheckpoint(temporaryFolder(), 1, { [name]: tensorFile(tensors), 'b.txt': 'b' }, {})
  tf.dispose([...tensors.values()])
  return { path, file: `${path}/${name}`, values: { second: [1.5, -2, 3, 4], empty: [], first: [7, 8, 9] } }
}

const zeros = (): Map<string, tf.Variable> =>
  new Map<string, tf.Variable>([
    ['first', tf.tidy(() => tf.variable(tf.zeros([3], 'int32'), false))],
    ['second', tf.tidy(() => tf.variable(tf.zeros([2, 2]), false))],
  ])

async function usage(): Promise<{ tensors: number; bytes: number }> {
  const { bytes } = (await useEngine('cpu')).memory()
  return { tensors: tf.memory().numTensors, bytes }
}

test('is read once', async () => {
  const { path, file, values } = await saved()
  const checkpoint = readCheckpoint(path)
  const whole = readFileSync(file)
  const pieces: Uint8Array[] = []
  const source = {
    read: <R>(reader: (path: string, seen: (bytes: Uint8Array) => void) => R): R =>
      checkpoint.source(name).read((at, seen) => {
        const result = reader(at, (bytes) => {
          seen(bytes)
          pieces.push(bytes.slice())
        })
        // Whoever looked again would find this.
        writeFileSync(at, 'nothing')
        return result
      }),
  }
  withTensors(source, (tensors) => {
    expect(Object.fromEntries([...tensors].map(([key, tensor]) => [key, [...tensor.dataSync()]]))).toEqual(values)
  })
  expect(Buffer.compare(Buffer.concat(pieces), whole)).toBe(0)
  checkpoint.verify()
})

test('goes into variables without a copy, which are then their own', async () => {
  const { path, values } = await saved()
  const before = await usage()
  const target = zeros()
  const { bytes } = await usage()
  readInto(target, readCheckpoint(path).source(name), path)
  expect((await usage()).bytes).toBe(bytes)
  for (const [key, variable] of target) expect([...variable.dataSync()]).toEqual(values[key])
  tf.dispose([...target.values()])
  expect(await usage()).toEqual(before)
})

test('any byte changed in it is noticed, whatever it then says, and nothing of it is used', async () => {
  const { path, file } = await saved()
  const whole = readFileSync(file)
  const before = await usage()
  const thrown = (body: () => void): unknown => {
    try {
      body()
    } catch (error) {
      return error
    }
    return 'nothing'
  }
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole)
    changed[at]! ^= 1 << (at % 8)
    writeFileSync(file, changed)
    const target = zeros()
    let used = false
    for (const error of [
      thrown(() => withTensors(readCheckpoint(path).source(name), () => (used = true))),
      thrown(() => readInto(target, readCheckpoint(path).source(name), path)),
    ]) {
      expect(MixlabError.is(error)).toBe(true)
      expect(String(error)).toContain(
        `the checkpoint ${path} is corrupt: ${name} has been changed (SHA-256); remove that folder`,
      )
    }
    expect(used).toBe(false)
    tf.dispose([...target.values()])
  }
  expect(await usage()).toEqual(before)
})

test('a file that is whole but does not fit is said to be of another model', async () => {
  const { path } = await saved()
  const target = zeros()
  target.set(
    'third',
    tf.tidy(() => tf.variable(tf.zeros([1]))),
  )
  expect(() => readInto(target, readCheckpoint(path).source(name), 'here')).toThrow('here lacks third: it belongs to')
  target.get('second')!.dispose()
  target.set(
    'second',
    tf.tidy(() => tf.variable(tf.zeros([5]))),
  )
  expect(() => readInto(target, readCheckpoint(path).source(name), 'here')).toThrow(
    'here: second has shape [2, 2], expected [5]',
  )
  expect(() =>
    readCheckpoint(path)
      .source('other')
      .read(() => {}),
  ).toThrow('is corrupt: it has no other')
  tf.dispose([...target.values()])
})

test('only what is used is read: another file of the checkpoint may be verified later, or not at all', async () => {
  const { path } = await saved()
  writeFileSync(`${path}/b.txt`, 'c')
  const checkpoint = readCheckpoint(path)
  let used = 0
  withTensors(checkpoint.source(name), (tensors) => (used = tensors.size))
  expect(used).toBe(3)
  expect(() => checkpoint.verify()).toThrow('b.txt has been changed (SHA-256)')
})
