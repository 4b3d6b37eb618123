import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { describeFields, parseConfiguration, withDefaults } from '../src/index.ts'

const base = z.strictObject({
  layers: z.number().int().min(1).default(2).describe('Blocks.'),
  norm: z.enum(['rms', 'layer']).default('rms'),
  feedForward: z.strictObject({ width: z.number().default(64), activation: z.string().default('gelu') }).prefault({}),
  mixture: z
    .strictObject({ k: z.number(), every: z.number().default(1) })
    .nullable()
    .default(null),
})
const amended = withDefaults(base, { layers: 4, feedForward: { width: 512 } })

test('setting one field keeps the amended defaults of the others', () => {
  const expected = { layers: 4, norm: 'rms', feedForward: { width: 512, activation: 'relu' }, mixture: null }
  expect(parseConfiguration(amended, { feedForward: { activation: 'relu' } }, 'model')).toEqual(expected)
  expect(parseConfiguration(amended, undefined, 'model').layers).toBe(4)
  expectTypeOf(amended.parse({}).feedForward.width).toEqualTypeOf<number>()
})
test('checks, descriptions and strictness survive', () => {
  expect(describeFields(z.strictObject({ model: amended }))[0]).toEqual({
    path: 'model.layers',
    type: 'integer ≥ 1',
    default: 4,
    description: 'Blocks.',
  })
  expect(() => parseConfiguration(amended, { layers: 0 }, 'model')).toThrow('layers is 0, expected integer ≥ 1')
  expect(() => parseConfiguration(amended, { layer: 1 }, 'model')).toThrow('Did you mean layers?')
})
test('an object given as a default has its own defaults filled in', () => {
  expect(withDefaults(base, { mixture: { k: 2 } }).parse(undefined).mixture).toEqual({ k: 2, every: 1 })
})
test('a default for an unknown field is an error', () => {
  expect(() => withDefaults(base, { layer: 3 } as never)).toThrow('Did you mean layers?')
})
