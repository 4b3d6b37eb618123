import { adamW, addInto, appendRows, ema, globalNorm, sgd, type tf } from '../../src/index.ts'
import { type Arrays, floats, integers, normals, type Numbers, type OperationCase, zeros } from './case.ts'

const shapes = [[3, 4], [1], [0, 2], [67]]
const indices = shapes.map((_, n) => n)

const lists = (letters: readonly string[], make: (letter: string, shape: number[]) => Numbers): Arrays =>
  Object.fromEntries(letters.flatMap((letter) => shapes.map((shape, n) => [letter + n, make(letter, shape)] as const)))

const list = <T>(inputs: Readonly<Record<string, T>>, letter: string): T[] => indices.map((n) => inputs[letter + n]!)

const squared = ({ values, ...rest }: Numbers): Numbers => ({
  ...rest,
  values: values.map((value) => Math.fround(value ** 2)),
})

const decays = [0.1, 0, 0.3, 0.2]

const adamWCase = (step: number, scaled: boolean): OperationCase => ({
  name: `adamW step ${step}${scaled ? ', scaled gradients' : ''}`,
  kernels: ['AdamW'],
  inputs: (rng) => ({
    ...lists(['p', 'g', 'm', 'v'], (letter, shape) => {
      if (step === 1 && (letter === 'm' || letter === 'v')) return zeros(...shape)
      const values = normals(rng, shape)
      return letter === 'v' ? squared(values) : values
    }),
    ...(scaled && { scale: floats([], [0.375]) }),
  }),
  run(inputs) {
    const [parameters, gradients, m, v] = ['p', 'g', 'm', 'v'].map((letter) => list(inputs, letter)) as [
      tf.Tensor[],
      tf.Tensor[],
      tf.Tensor[],
      tf.Tensor[],
    ]
    const options = { learningRate: 0.01, beta1: 0.8, beta2: 0.95, eps: 1e-6, weightDecay: decays, step }
    adamW({ parameters, gradients, m, v, ...options, scale: inputs['scale'] })
    return [...parameters, ...m, ...v]
  },
  naive(inputs) {
    const scale = inputs['scale']?.values[0] ?? 1
    const [p, m, v] = ['p', 'm', 'v'].map((letter) =>
      list(inputs, letter).map((x) => ({ ...x, values: x.values.slice() })),
    ) as [Numbers[], Numbers[], Numbers[]]
    for (const n of indices) {
      for (let i = 0; i < p[n]!.values.length; i++) {
        const g = inputs[`g${n}`]!.values[i]! * scale
        m[n]!.values[i] = 0.8 * m[n]!.values[i]! + 0.2 * g
        v[n]!.values[i] = 0.95 * v[n]!.values[i]! + 0.05 * g * g
        const first = m[n]!.values[i]! / (1 - 0.8 ** step)
        const second = v[n]!.values[i]! / (1 - 0.95 ** step)
        p[n]!.values[i]! -= 0.01 * decays[n]! * p[n]!.values[i]! + (0.01 * first) / (Math.sqrt(second) + 1e-6)
      }
    }
    return [...p, ...m, ...v]
  },
})

const sgdCase = (step: number, momentum: number, nesterov: boolean, scaled = false): OperationCase => ({
  name: `sgd step ${step}, momentum ${momentum}${nesterov ? ', Nesterov' : ''}${scaled ? ', scaled gradients' : ''}`,
  kernels: ['Sgd'],
  inputs: (rng) => ({
    ...lists(momentum ? ['p', 'g', 'b'] : ['p', 'g'], (_, shape) => normals(rng, shape)),
    ...(scaled && { scale: floats([], [0.375]) }),
  }),
  run(inputs) {
    const [parameters, gradients] = [list(inputs, 'p'), list(inputs, 'g')]
    const buffers = momentum ? list(inputs, 'b') : []
    const options = { learningRate: 0.1, momentum, nesterov, weightDecay: decays, step, scale: inputs['scale'] }
    sgd({ parameters, gradients, buffers, ...options })
    return [...parameters, ...buffers]
  },
  naive(inputs) {
    const scale = inputs['scale']?.values[0] ?? 1
    const copies = (letter: string) => list(inputs, letter).map((x) => ({ ...x, values: x.values.slice() }))
    const [p, b] = [copies('p'), momentum ? copies('b') : []]
    for (const n of indices) {
      for (let i = 0; i < p[n]!.values.length; i++) {
        let g = inputs[`g${n}`]!.values[i]! * scale + decays[n]! * p[n]!.values[i]!
        if (momentum) {
          const buffer = step === 1 ? g : momentum * b[n]!.values[i]! + g
          b[n]!.values[i] = buffer
          g = nesterov ? g + momentum * buffer : buffer
        }
        p[n]!.values[i]! -= 0.1 * g
      }
    }
    return [...p, ...b]
  },
})

const emaCase: OperationCase = {
  name: 'ema',
  kernels: ['Ema'],
  inputs: (rng) => lists(['a', 'p'], (_, shape) => normals(rng, shape)),
  run(inputs) {
    const averages = list(inputs, 'a')
    ema({ averages, parameters: list(inputs, 'p'), decay: 0.9 })
    return averages
  },
  naive: (inputs) =>
    list(inputs, 'a').map((a, n) => ({
      ...a,
      values: a.values.map((value, i) => 0.9 * value + 0.1 * inputs[`p${n}`]!.values[i]!),
    })),
}

const addIntoCase = (dtype: 'float32' | 'int32', shape: number[]): OperationCase => ({
  name: `addInto ${dtype} [${shape.join(', ')}]`,
  kernels: ['AddInto'],
  inputs(rng) {
    const make = () =>
      dtype === 'int32' ? integers(shape, normals(rng, shape, 9).values.map(Math.round)) : normals(rng, shape)
    return { a: make(), x: make() }
  },
  run({ a, x }) {
    addInto(a!, x!)
    return [a!]
  },
  naive: ({ a, x }) => [{ ...a!, values: a!.values.map((value, i) => value + x!.values[i]!) }],
})

const appendCase = (batch: number, rows: number, position: number): OperationCase => ({
  name: `appendRows ${rows} rows at ${position}, batch ${batch}`,
  kernels: ['AppendRows'],
  inputs: (rng) => ({ cache: normals(rng, [batch, 5, 2, 3]), x: normals(rng, [batch, rows, 2, 3]) }),
  run({ cache, x }) {
    appendRows(cache as tf.Tensor4D, x as tf.Tensor4D, position)
    return [cache!]
  },
  naive({ cache, x }) {
    const values = cache!.values.slice()
    for (let b = 0; b < batch; b++) {
      for (let t = 0; t < rows; t++) {
        for (let i = 0; i < 6; i++) values[(b * 5 + position + t) * 6 + i] = x!.values[(b * rows + t) * 6 + i]!
      }
    }
    return [{ ...cache!, values }]
  },
  tolerance: 0,
})

const normCase = (label: string, make: OperationCase['inputs']): OperationCase => ({
  name: `globalNorm of ${label}`,
  kernels: ['GlobalNorm'],
  inputs: make,
  run: (inputs) => [globalNorm(Object.values(inputs))],
  naive: (inputs) => {
    const squares = Object.values(inputs).flatMap(({ values }) => [...values].map((value) => value ** 2))
    return [{ ...zeros(), values: Float64Array.of(Math.sqrt(squares.reduce((a, square) => a + square, 0))) }]
  },
})

export const inPlaceCases: readonly OperationCase[] = [
  adamWCase(1, false),
  adamWCase(7, true),
  sgdCase(1, 0, false),
  sgdCase(1, 0.9, false),
  sgdCase(3, 0.9, false, true),
  sgdCase(3, 0.9, true),
  emaCase,
  addIntoCase('float32', [3, 5]),
  addIntoCase('int32', [7]),
  addIntoCase('float32', [0]),
  appendCase(2, 2, 3),
  appendCase(1, 1, 0),
  appendCase(2, 0, 5),
  normCase('several tensors', (rng) => lists(['g'], (_, shape) => normals(rng, shape))),
  normCase('nothing', () => ({})),
  // Sums of squares that a float32 accumulator would lose.
  normCase('a large and many small numbers', () => ({
    g0: floats([4097], [4096, ...Array.from({ length: 4096 }, () => 1)]),
  })),
]
