// Errors of the elementary functions in units of the last place of float32, against float64, over all magnitudes.
import { describe, expect, test } from 'vitest'
import { backend, native, tensor, values } from './harness.ts'

/** Float32 values of all magnitudes from 2^low to 2^high, both signs, dense in the mantissa. */
function sweep(low: number, high: number, signs: readonly number[]): Float32Array {
  const perBinade = 1500
  const list: number[] = []
  for (let exponent = low; exponent < high; exponent++) {
    for (let i = 0; i < perBinade; i++)
      for (const sign of signs) list.push(sign * (1 + (i + 0.37) / perBinade) * 2 ** exponent)
  }
  return Float32Array.from(list)
}

/** Distance between neighbouring float32 at x; subnormals have one spacing. */
function ulp(x: number): number {
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 23)
}

/** Largest error in ulp over the sweep, where the exact result is finite in float32 and at least `least`. */
function largestError(kernel: string, exact: (x: number) => number, inputs: Float32Array, least = 2 ** -126): number {
  const [y] = native(kernel, { x: tensor([inputs.length], inputs), logits: tensor([0], []) })
  const view = backend.view(y!)
  let worst = 0
  for (let i = 0; i < inputs.length; i++) {
    const expected = exact(inputs[i]!)
    if (Math.abs(expected) > 3.4028234e38 || Math.abs(expected) < least) continue
    const error = Math.abs(view[i]! - expected) / ulp(expected)
    if (!(error <= worst)) worst = Number.isNaN(error) ? Infinity : error
  }
  return worst
}

/** Error function in float64: its Taylor series, and a continued fraction of erfc in the tail. */
function erf(x: number): number {
  const z = Math.abs(x)
  if (z > 6) return Math.sign(x)
  if (z < 2.5) {
    let term = z
    let sum = z
    for (let n = 1; n < 80; n++) {
      term *= (-z * z) / n
      sum += term / (2 * n + 1)
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI)
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction)
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)))
}

const both = [1, -1]

describe('errors in ulp', () => {
  test.for<[string, (x: number) => number, Float32Array, number, number?]>([
    ['Exp', Math.exp, sweep(-30, 7, both), 1, 2 ** -149],
    ['Expm1', Math.expm1, sweep(-60, 7, both), 1.5],
    ['Log', Math.log, sweep(-149, 127, [1]), 0.8],
    ['Log1p', Math.log1p, sweep(-60, 100, [1]), 1.5],
    ['Log1p', Math.log1p, sweep(-60, -1, [-1]), 1.5],
    ['Tanh', Math.tanh, sweep(-60, 5, both), 1.5],
    ['Sigmoid', (x) => 1 / (1 + Math.exp(-x)), sweep(-60, 7, both), 2.5],
    ['Erf', erf, sweep(-60, 4, both), 1.5],
    ['Softplus', (x) => Math.log1p(Math.exp(x)), sweep(-60, 6, both), 2],
    ['Sin', Math.sin, sweep(-60, 20, both), 1],
    ['Cos', Math.cos, sweep(-60, 20, both), 1],
    ['Sqrt', Math.sqrt, sweep(-126, 127, [1]), 0.51],
    ['Rsqrt', (x) => 1 / Math.sqrt(x), sweep(-126, 127, [1]), 1.51],
  ])('%s', ([kernel, exact, inputs, bound, least]) => {
    const worst = largestError(kernel, exact, inputs, least)
    expect(worst).toBeLessThan(bound)
  })
})

describe('limits', () => {
  const inputs = [Infinity, -Infinity, NaN, 0, -0, 1e-40, 200, -200]
  test.for<[string, (x: number) => number]>([
    ['Exp', Math.exp],
    ['Expm1', Math.expm1],
    ['Log', Math.log],
    ['Log1p', Math.log1p],
    ['Tanh', Math.tanh],
    ['Sigmoid', (x) => 1 / (1 + Math.exp(-x))],
    ['Erf', erf],
    ['Softplus', (x) => (x === Infinity ? x : Math.log1p(Math.exp(x)))],
  ])('%s', ([kernel, exact]) => {
    const [y] = native(kernel, { x: tensor([inputs.length], inputs) })
    const got = values(y!)
    for (const [i, x] of inputs.entries()) {
      const expected = Math.fround(exact(Math.fround(x)))
      if (Number.isFinite(expected))
        expect(Math.abs(got[i]! - expected), `${kernel}(${x})`).toBeLessThan(2e-7 * Math.abs(expected) + 2 ** -126)
      else expect(got[i], `${kernel}(${x})`).toBe(expected)
    }
  })
})

test('a value does not depend on its place in the tensor', () => {
  const inputs = Float32Array.from({ length: 67 }, (_, i) => (i - 33) / 7)
  for (const kernel of ['Exp', 'Log1p', 'Tanh', 'Sigmoid', 'Erf', 'Softplus']) {
    const [whole] = native(kernel, { x: tensor([67], inputs) })
    for (let length = 1; length <= 7; length++) {
      const [part] = native(kernel, { x: tensor([length], inputs.subarray(67 - length)) })
      expect(values(part!)).toEqual(values(whole!).slice(67 - length))
    }
  }
})
