// Norms, rotary embedding, activations, gated units and cross-entropy: values against naive float64 loops, gradients
// against central differences of those loops.
import { describe, expect, test } from 'vitest'
import { expectClose, integers, native, normals, tensor, values } from './harness.ts'

type Vector = ArrayLike<number>

/** Gradient of Σ weights·f(x) by central differences, in float64. */
function differences(x: Vector, f: (x: number[]) => number[], weights: Vector, step = 1e-5): number[] {
  const at = Array.from(x)
  const value = () => f(at).reduce((sum, y, i) => sum + y * weights[i]!, 0)
  return at.map((original, i) => {
    at[i] = original + step
    const above = value()
    at[i] = original - step
    const below = value()
    at[i] = original
    return (above - below) / (2 * step)
  })
}

const rowsOf = (x: Vector, width: number): number[][] =>
  Array.from({ length: x.length / width }, (_, row) =>
    Array.from({ length: width }, (_column, i) => x[row * width + i]!),
  )

const mean = (row: number[]): number => row.reduce((sum, value) => sum + value, 0) / row.length
const gradientTolerance = { relative: 2e-4, absolute: 2e-5 }

describe('RmsNorm', () => {
  const eps = 1e-5
  const norm = (x: Vector, weight: Vector | undefined, width: number) =>
    rowsOf(x, width).flatMap((row) => {
      const rstd = 1 / Math.sqrt(mean(row.map((value) => value * value)) + eps)
      return row.map((value, i) => value * rstd * (weight?.[i] ?? 1))
    })

  test.for([
    [1, 1],
    [3, 5],
    [0, 4],
    [67, 16],
    [70, 33],
    [5, 1030],
  ])('%i rows of %i', ([rows, width]) => {
    const x = normals(rows! * width!, 1)
    const weight = normals(width!, 2)
    for (const w of [weight, undefined]) {
      const inputs = { x: tensor([rows!, width!], x), ...(w && { weight: tensor([width!], w) }) }
      const [y, rstd] = native('mixlab.RmsNorm', inputs, { eps })
      expect(rstd!.shape).toEqual([rows])
      expectClose(values(y!), norm(x, w, width!), { relative: 2e-6, absolute: 1e-6 })
      if (rows! * width! > 400) continue
      const dy = normals(rows! * width!, 3)
      const grads = native('mixlab.RmsNormGrad', { dy: tensor([rows!, width!], dy), rstd: rstd!, ...inputs })
      expect(grads.length).toBe(w ? 2 : 1)
      expectClose(
        values(grads[0]!),
        differences(x, (at) => norm(at, w, width!), dy),
        gradientTolerance,
      )
      if (w)
        expectClose(
          values(grads[1]!),
          differences(w, (at) => norm(x, at, width!), dy),
          gradientTolerance,
        )
    }
  })

  test('the gradient over many blocks of rows', () => {
    const [rows, width] = [999, 20]
    const [x, dy] = [normals(rows * width, 1), normals(rows * width, 3)]
    const weight = normals(width, 2)
    const inputs = { x: tensor([rows, width], x), weight: tensor([width], weight) }
    const [, rstd] = native('mixlab.RmsNorm', inputs, { eps })
    const [dx, dweight] = native('mixlab.RmsNormGrad', { dy: tensor([rows, width], dy), rstd: rstd!, ...inputs })
    const expected = new Float64Array(width)
    const [xRows, dyRows] = [rowsOf(x, width), rowsOf(dy, width)]
    const got = rowsOf(values(dx!), width)
    for (const [row, h] of xRows.entries()) {
      const scale = 1 / Math.sqrt(mean(h.map((value) => value * value)) + eps)
      const g = dyRows[row]!.map((d, i) => d * weight[i]!)
      const dot = g.reduce((sum, value, i) => sum + value * h[i]!, 0)
      for (let i = 0; i < width; i++) expected[i]! += dyRows[row]![i]! * h[i]! * scale
      expectClose(
        got[row]!,
        g.map((value, i) => scale * value - (h[i]! * scale ** 3 * dot) / width),
        { relative: 1e-5, absolute: 1e-5 },
      )
    }
    expectClose(values(dweight!), expected, { relative: 1e-5, absolute: 1e-4 })
  })
})

describe('LayerNorm', () => {
  const eps = 1e-5
  const norm = (x: Vector, weight: Vector, bias: Vector | undefined, width: number) =>
    rowsOf(x, width).flatMap((row) => {
      const centre = mean(row)
      const rstd = 1 / Math.sqrt(mean(row.map((value) => (value - centre) ** 2)) + eps)
      return row.map((value, i) => (value - centre) * rstd * weight[i]! + (bias?.[i] ?? 0))
    })

  test.for([
    [3, 5],
    [0, 4],
    [67, 4],
    [5, 1030],
  ])('%i rows of %i', ([rows, width]) => {
    const x = normals(rows! * width!, 1).map((value) => value + 3)
    const [weight, bias] = [normals(width!, 2), normals(width!, 4)]
    for (const b of [bias, undefined]) {
      const inputs = { x: tensor([rows!, width!], x), weight: tensor([width!], weight) }
      const [y, average, rstd] = native(
        'mixlab.LayerNorm',
        { ...inputs, ...(b && { bias: tensor([width!], b) }) },
        { eps },
      )
      expectClose(values(y!), norm(x, weight, b, width!), { relative: 2e-6, absolute: 3e-6 })
      if (rows! * width! > 400) continue
      const dy = normals(rows! * width!, 3)
      const saved = { dy: tensor([rows!, width!], dy), mean: average!, rstd: rstd!, ...inputs }
      const grads = native('mixlab.LayerNormGrad', saved, { hasBias: b !== undefined })
      expect(grads.length).toBe(b ? 3 : 2)
      expectClose(
        values(grads[0]!),
        differences(x, (at) => norm(at, weight, b, width!), dy),
        gradientTolerance,
      )
      expectClose(
        values(grads[1]!),
        differences(weight, (at) => norm(x, at, b, width!), dy),
        gradientTolerance,
      )
      if (b)
        expectClose(
          values(grads[2]!),
          differences(b, (at) => norm(x, weight, at, width!), dy),
          gradientTolerance,
        )
    }
  })
})

describe('Rotary', () => {
  test.for([
    [2, 3, 2, 8, 8],
    [1, 5, 3, 12, 8],
    [1, 40, 2, 70, 70],
    [1, 2, 1, 6, 2],
    [1, 0, 1, 4, 4],
  ])('batch %i, %i positions, %i heads of %i, %i turned', ([batch, positions, heads, width, turned]) => {
    const half = turned! / 2
    const shape = [batch!, positions!, heads!, width!]
    const x = normals(
      shape.reduce((a, b) => a * b),
      1,
    )
    const angles = Float64Array.from(
      { length: positions! * half },
      (_, i) => Math.floor(i / half) / 100 ** ((i % half) / half),
    )
    const tables = {
      cos: tensor([positions!, half], angles.map(Math.cos)),
      sin: tensor([positions!, half], angles.map(Math.sin)),
    }
    for (const interleaved of [false, true]) {
      const expected = Float64Array.from(x)
      for (let head = 0; head < x.length / width!; head++) {
        const position = Math.floor(head / heads!) % positions!
        for (let i = 0; i < half; i++) {
          const first = head * width! + (interleaved ? 2 * i : i)
          const second = head * width! + (interleaved ? 2 * i + 1 : i + half)
          const angle = angles[position * half + i]!
          expected[first] = x[first]! * Math.cos(angle) - x[second]! * Math.sin(angle)
          expected[second] = x[second]! * Math.cos(angle) + x[first]! * Math.sin(angle)
        }
      }
      const [y] = native('mixlab.Rotary', { x: tensor(shape, x), ...tables }, { interleaved, inverse: false })
      expectClose(values(y!), expected, { absolute: 1e-6 })
      const [back] = native('mixlab.Rotary', { x: y!, ...tables }, { interleaved, inverse: true })
      expectClose(values(back!), x, { absolute: 2e-6 })
    }
  })
})

/** Error function by Simpson's rule, in float64: enough for comparisons in float32. */
function erf(x: number): number {
  const n = 400
  const f = (t: number) => Math.exp(-t * t)
  let sum = f(0) + f(x)
  for (let i = 1; i < n; i++) sum += f((x * i) / n) * (i % 2 ? 4 : 2)
  return ((2 / Math.sqrt(Math.PI)) * sum * x) / (3 * n)
}

const activations: Record<string, (x: number) => number> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x) => Math.max(0, x),
  relu2: (x) => Math.max(0, x) ** 2,
}

describe('activations', () => {
  test.for(Object.entries(activations))('%s', ([activation, f]) => {
    const x = normals(5003, 1).map((value) => 2.5 * value)
    const dy = normals(5003, 2)
    const inputs = { x: tensor([5003], x) }
    const [y] = native('mixlab.Activation', inputs, { activation })
    expectClose(values(y!), Array.from(x, f), { relative: 3e-6, absolute: 3e-7 })
    const [dx] = native('mixlab.ActivationGrad', { dy: tensor([5003], dy), ...inputs }, { activation })
    const slope = (at: number) => (f(at + 1e-5) - f(at - 1e-5)) / 2e-5
    expectClose(
      values(dx!),
      Array.from(x, (value, i) => slope(value) * dy[i]!),
      { relative: 1e-4, absolute: 1e-5 },
    )
  })

  test.for(Object.entries(activations).filter(([name]) => name !== 'relu2'))('gated %s', ([activation, f]) => {
    for (const [rows, width] of [
      [1, 1],
      [3, 7],
      [0, 4],
      [301, 22],
    ] as const) {
      const x = normals(rows * width * 2, 3)
      const dy = normals(rows * width, 4)
      const unit = (at: Vector) =>
        rowsOf(at, 2 * width).flatMap((row) => row.slice(0, width).map((gate, i) => f(gate) * row[width + i]!))
      const [y] = native('mixlab.GatedUnit', { x: tensor([rows, 2 * width], x) }, { activation })
      expect(y!.shape).toEqual([rows, width])
      expectClose(values(y!), unit(x), { relative: 3e-6, absolute: 3e-7 })
      const [dx] = native(
        'mixlab.GatedUnitGrad',
        { dy: tensor([rows, width], dy), x: tensor([rows, 2 * width], x) },
        { activation },
      )
      const slope = (at: number) => (f(at + 1e-5) - f(at - 1e-5)) / 2e-5
      const expected = rowsOf(x, 2 * width).flatMap((row, r) =>
        row.map((value, i) => {
          const d = dy[r * width + (i % width)]!
          return i < width ? d * row[i + width]! * slope(value) : d * f(row[i - width]!)
        }),
      )
      expectClose(values(dx!), expected, { relative: 1e-4, absolute: 1e-5 })
    }
  })
})

describe('CrossEntropy', () => {
  const lossOf = (logits: Vector, targets: Vector, vocabulary: number, ignoreIndex: number, zLoss: number) =>
    rowsOf(logits, vocabulary).map((row, t) => {
      if (targets[t] === ignoreIndex) return 0
      const largest = Math.max(...row)
      const lse = largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0))
      return lse - row[targets[t]!]! + zLoss * lse * lse
    })

  test.for([
    [1, 1, 0],
    [5, 7, 0.1],
    [40, 3, 0],
    [0, 5, 0],
    [9, 1000, 0.001],
  ])('%i rows of %i, z-loss %f', ([rows, vocabulary, zLoss]) => {
    const logits = normals(rows! * vocabulary!, 1).map((value) => 4 * value)
    const targets = integers(rows!, 0, vocabulary!, 2)
    if (rows! > 2) targets[2] = -100
    const attrs = { ignoreIndex: -100, zLoss: zLoss! }
    const inputs = { logits: tensor([rows!, vocabulary!], logits), targets: tensor([rows!], targets, 'int32') }
    const [losses, lse] = native('mixlab.CrossEntropy', inputs, attrs)
    expectClose(values(losses!), lossOf(logits, targets, vocabulary!, -100, zLoss!), { relative: 2e-6, absolute: 2e-6 })
    const dlosses = normals(rows!, 3)
    const [dlogits] = native(
      'mixlab.CrossEntropyGrad',
      { dlosses: tensor([rows!], dlosses), lse: lse!, ...inputs },
      attrs,
    )
    const got = rowsOf(values(dlogits!), vocabulary!)
    for (const [t, row] of rowsOf(logits, vocabulary!).entries()) {
      const loss = (at: number[]) => lossOf(at, [targets[t]!], vocabulary!, -100, zLoss!)
      expectClose(got[t]!, differences(row, loss, [dlosses[t]!]), gradientTolerance)
    }
  })

  test('large logits neither overflow nor lose the difference', () => {
    const inputs = {
      logits: tensor([2, 3], [1000, 999, -1000, -5000, -5001, -4999]),
      targets: tensor([2], [0, 1], 'int32'),
    }
    const [losses] = native('mixlab.CrossEntropy', inputs, { ignoreIndex: -1, zLoss: 0 })
    const expected = [Math.log(1 + Math.exp(-1)), 2 + Math.log(1 + Math.exp(-1) + Math.exp(-2))]
    expectClose(values(losses!), expected, { absolute: 1e-6 })
  })
})
