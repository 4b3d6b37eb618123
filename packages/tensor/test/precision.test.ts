import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { currentPrecision, precisionOf, tf, useEngine, valueAndGradients, withPrecision } from '../src/index.ts'

beforeAll(() => useEngine('reference'))

const name = () => currentPrecision().name

test('a policy is plain data', () => {
  expect(precisionOf('float32')).toEqual({ name: 'float32', products: 'float32' })
  expect(precisionOf('bf16')).toEqual({ name: 'bf16', products: 'bfloat16' })
})

test('an unknown name is one line with near misses', () => {
  expect(() => precisionOf('bf61')).toThrow('Unknown precision "bf61". Did you mean bf16?')
  expect(() => withPrecision('half', name)).toThrow('Unknown precision "half". Known: bf16, float32.')
  expect(() => precisionOf('toString')).toThrow(/^Unknown precision/)
})

test('it is in force in its scope: the innermost, what is awaited included, and not in what goes on beside it', async () => {
  expect(name()).toBe('float32')
  expect(withPrecision('bf16', () => [name(), withPrecision('float32', name), name()])).toEqual([
    'bf16',
    'float32',
    'bf16',
  ])
  expect(() =>
    withPrecision('bf16', () => {
      throw new Error('thrown inside')
    }),
  ).toThrow('thrown inside')
  const inside = withPrecision('bf16', async () => {
    await delay(1)
    return name()
  })
  expect(name()).toBe('float32')
  expect(await inside).toBe('bf16')
})

test('a gradient is computed in the precision that its operation was recorded in', () => {
  const seen: string[] = []
  const noted = tf.customGrad((a) => {
    seen.push(`forward ${name()}`)
    return {
      value: tf.clone(a as tf.Tensor),
      gradFunc: (dy) => {
        seen.push(`backward ${name()}`)
        return dy
      },
    }
  })
  const w = tf.variable(tf.ones([2]))
  withPrecision('bf16', () =>
    valueAndGradients(() => tf.sum(noted(withPrecision('float32', () => noted(tf.mul(w, 2))))), [w]),
  )
  valueAndGradients(() => tf.sum(withPrecision('bf16', () => noted(w))), [w])
  expect(seen).toEqual([
    'forward float32',
    'forward bf16',
    'backward bf16',
    'backward float32',
    'forward bf16',
    'backward bf16',
  ])
})
