import { activation, type ActivationName, gatedUnit, type GateActivation } from '../../src/index.ts'
import { fromRows, normals, type OperationCase, rowsOf } from './case.ts'

/** The error function to float64 accuracy: its Maclaurin series, and its continued fraction from 3 on. */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a > 3) {
    let fraction = 0
    for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction)
    return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction))
  }
  let term = x
  let total = x
  for (let n = 1; n < 80; n++) {
    term *= -(x * x) / n
    total += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * total
}

export const activationFunctions: Record<ActivationName, (x: number) => number> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x) => Math.max(0, x),
  relu2: (x) => Math.max(0, x) ** 2,
}

const plain = (name: ActivationName, shape: number[]): OperationCase => ({
  name: `activation ${name} [${shape.join(', ')}]`,
  kernels: ['Activation', 'ActivationGrad'],
  inputs: (rng) => ({ x: normals(rng, shape, 2) }),
  run: ({ x }) => [activation(x!, name)],
  naive: ({ x }) => [{ ...x!, values: x!.values.map(activationFunctions[name]) }],
  gradients: ['x'],
})

const gated = (name: GateActivation, shape: number[]): OperationCase => ({
  name: `gatedUnit ${name} [${shape.join(', ')}]`,
  kernels: ['GatedUnit', 'GatedUnitGrad'],
  inputs: (rng) => ({ x: normals(rng, shape, 2) }),
  run: ({ x }) => [gatedUnit(x!, name)],
  naive({ x }) {
    const { width, at } = rowsOf(x!)
    const half = width / 2
    return [
      fromRows([...shape.slice(0, -1), half], (row, i) => activationFunctions[name](at(row, i)) * at(row, half + i)),
    ]
  },
  gradients: ['x'],
})

export const activationCases: readonly OperationCase[] = [
  ...(['silu', 'gelu', 'geluTanh', 'relu', 'relu2'] as const).flatMap((name) => [
    plain(name, [3, 7]),
    plain(name, [1]),
  ]),
  plain('silu', [0, 3]),
  ...(['silu', 'gelu', 'geluTanh', 'relu'] as const).map((name) => gated(name, [2, 3, 10])),
  gated('silu', [1, 2]),
  gated('silu', [5, 70]),
  gated('gelu', [0, 4]),
]
