import { MixlabError } from '@mixlab/core'
import { expect, test, vi } from 'vitest'
import { catalogue, type Engine, engineNames, probeEngines, registerEngine, tf, useEngine } from '../src/index.ts'

const broken: Engine = {
  name: 'broken',
  summary: 'Never available',
  available: async () => ({ ok: false, reason: 'no such device' }),
  start: () => Promise.reject(new Error('must not be started')),
}

test('an unknown engine is an error that lists near misses', async () => {
  await expect(useEngine('refrence')).rejects.toThrow(/Unknown engine "refrence"\. Did you mean reference\?/)
  expect(MixlabError.is(await useEngine('nothing like it').catch((error: unknown) => error))).toBe(true)
})

test('the reference engine runs every operation of the catalogue as a reference, without a banner', async () => {
  const warn = vi.spyOn(console, 'warn')
  const engine = await useEngine('reference')
  expect(tf.getBackend()).toBe('cpu')
  expect([...tf.add(tf.tensor1d([1, 2]), 1).dataSync()]).toEqual([2, 3])
  expect(warn).not.toHaveBeenCalled()
  const kernels = new Map(engine.kernels().map(({ name, native }) => [name, native]))
  for (const { kernelName } of catalogue) expect(kernels.get(kernelName), kernelName).toBe(false)
  expect(kernels.get('BatchMatMul')).toBe(true)
  expect(engine.memory().tensors).toBe(tf.memory().numTensors)
  expect(await useEngine('reference')).toBe(engine)
})

test('auto takes the first available engine in order of preference', async () => {
  registerEngine({ name: 'broken', summary: broken.summary, preference: 5, load: async () => broken })
  registerEngine({
    name: 'missing',
    summary: 'Its package fails to load',
    preference: 4,
    load: () => Promise.reject(new Error('no library')),
  })
  expect(engineNames()).toEqual(['broken', 'missing', 'reference'])
  const probed = new Map((await probeEngines()).map(({ name, availability }) => [name, availability]))
  expect(probed.get('broken')).toEqual({ ok: false, reason: 'no such device' })
  expect(probed.get('missing')).toEqual({ ok: false, reason: 'no library' })
  expect(probed.get('reference')?.ok).toBe(true)
  expect((await useEngine('auto')).name).toBe('reference')
  await expect(useEngine('broken')).rejects.toThrow('Engine broken cannot run here: no such device')
})
