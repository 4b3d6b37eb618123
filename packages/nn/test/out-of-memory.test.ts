// A model that does not fit is refused before its values are drawn, and leaves no part of itself behind.
import { MixlabError, RandomStream } from '@mixlab/core'
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, expect, test } from 'vitest'
import { Module } from '../src/module.ts'
import { startEngine } from './engines.ts'
import { build, tiny } from './models.ts'

beforeAll(async () => {
  process.env['MIXLAB_MEMORY'] = '16MiB'
  await startEngine('cpu')
})

async function usage(): Promise<{ tensors: number; bytes: number }> {
  const { bytes } = (await useEngine('cpu')).memory()
  return { tensors: tf.memory().numTensors, bytes }
}

function outOfMemory(body: () => unknown): string {
  try {
    body()
  } catch (error) {
    if (MixlabError.is(error) && error.code === 'out-of-memory') return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}

test('values that have no place are not drawn', () => {
  class Wide extends Module {}
  using wide = new Wide(new RandomStream(1))
  let drawn = 0
  const zeros = (shape: readonly number[]): Float32Array => {
    drawn++
    return new Float32Array(shape.reduce((product, size) => product * size, 1))
  }
  wide.parameter('narrow', [4, 4], zeros)
  const message = outOfMemory(() => wide.parameter('weight', [3000, 2000], zeros))
  expect(message).toContain('24.0 MB asked for (float32 [3000, 2000] of weight), 64 bytes allocated')
  expect(drawn).toBe(1)
})

test.each([
  ['in the middle', { ...tiny, layers: 80, width: 128 }],
  ['at the rotary tables', { ...tiny, layers: 1, width: 8, heads: 1, positions: 'rotary', contextLength: 600_000 }],
])('a model that runs out %s gives back what it had', async (_, config) => {
  const before = await usage()
  outOfMemory(() => build(config))
  expect(await usage()).toEqual(before)
  build(tiny).dispose()
  expect(await usage()).toEqual(before)
})
