// What holds for every router: the gate learns, balance is 1 at balance, wrong settings are refused.
import { useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  denseRouter,
  noisyTopKRouter,
  randomRouter,
  routers,
  sigmoidBiasRouter,
  switchRouter,
  topKRouter,
} from '../src/index.ts'
import { balance, D, E, gateGradient, inputs, largest, make, route, weightsOf } from './routing.ts'

beforeAll(() => useEngine('reference'))

describe('all routers', () => {
  const ofExperts = routers.filter(({ traits }) => traits['outcomes'] !== true)
  const gated = ofExperts.filter(({ name }) => !['hash', 'random'].includes(name))

  test('their names are unique and each says where it is from', () => {
    expect(new Set(routers.map(({ name }) => name)).size).toBe(13)
    expect(routers.filter(({ source }) => source === undefined)).toEqual([randomRouter])
  })

  test.each(gated)('the gradient reaches the gate, as central differences say: $name', (plugin) => {
    const made = make(plugin)
    const gradient = gateGradient(made)
    const held = made.store.parameters().get('weight')!.dataSync<'float32'>()
    const at = largest(gradient.map(Math.abs), 1)[0]!
    expect(Math.abs(gradient[at]!)).toBeGreaterThan(1e-2)
    const objective = (value: number) => {
      const before = held[at]!
      held[at] = value
      const weights = weightsOf(made)
      held[at] = before
      return weights.reduce((sum, weight, i) => sum + weight * Math.sin(1 + i), 0)
    }
    const step = 1e-3
    const difference = (objective(held[at]! + step) - objective(held[at]! - step)) / (2 * step)
    expect(Math.abs(difference - gradient[at]!)).toBeLessThan(1e-2 * Math.abs(gradient[at]!) + 1e-3)
    // Every member's row is reached: none is left out of the weights.
    for (let e = 0; e < E; e++) expect(Math.max(...gradient.slice(e * D, (e + 1) * D).map(Math.abs))).toBeGreaterThan(0)
  })

  const losing = [
    { plugin: topKRouter, config: {} },
    { plugin: topKRouter, config: { k: 1 } },
    { plugin: switchRouter, config: {} },
    { plugin: sigmoidBiasRouter, config: { sequenceBalance: 1 } },
  ]
  test.each(losing)(
    'balanced input gives a balance loss of 1, uneven input more: $plugin.name $config',
    ({ plugin, config }) => {
      const made = make(plugin, config)
      const x = balance(made)
      expect(route(made, { x }).losses['balance']).toBeCloseTo(1, 5)
      expect(route(made, { x: x.map(() => x[0]!) }).losses['balance']).toBeGreaterThan(1.1)
    },
  )

  test('balanced input gives importance and load losses of 0', () => {
    const made = make(noisyTopKRouter)
    const x = balance(made)
    expect(route(made, { x }).losses['importance']).toBeCloseTo(0, 6)
    expect(route(made, { x: x.map(() => x[0]!) }).losses['importance']).toBeGreaterThan(0.5)
  })

  test.each([...losing, { plugin: noisyTopKRouter, config: {} }, { plugin: denseRouter, config: { z: 1 } }])(
    'its losses reach the gate: $plugin.name $config',
    ({ plugin, config }) => {
      const gradient = gateGradient(make(plugin, config), { training: true, losses: true })
      expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-5)
    },
  )

  test('the noise’s scale learns', () => {
    const gradient = gateGradient(make(noisyTopKRouter), { training: true }, 'noise_weight')
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-4)
  })

  test.each(routers.map(({ name }) => name).filter((name) => !['switch', 'dense'].includes(name)))(
    'k larger than the number of members: %s',
    (name) => {
      const plugin = routers.find((router) => router.name === name)!
      expect(() => make(plugin, { k: 9 }, 8)).toThrow(`router ${name}: k is 9 but the layer has 8 members`)
    },
  )

  test.each(ofExperts)('one token and one member: $name', (plugin) => {
    const made = make(plugin, ['switch', 'dense'].includes(plugin.name) ? {} : { k: 1 }, 1)
    const { pairs } = route(made, { x: [inputs[0]!], training: true })
    expect(pairs).toHaveLength(1)
    expect(pairs[0]!.slice(0, 2)).toEqual([0, 0])
    expect(Number.isFinite(pairs[0]![2])).toBe(true)
  })
})
