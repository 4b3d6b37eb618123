// Cases of the elementwise kernels: functions of one tensor, of two with broadcasting, and gated units.
import { array, boolean, constantFrom, float, integer, oneof, record } from 'fast-check'
import { planBroadcast } from '../../src/kernels/broadcast.ts'
import { block, blocks } from '../../src/kernels/work.ts'
import { binary, unary } from '../../src/native/elementwise.ts'
import { activationNames } from '../../src/native/vector-math.ts'
import { anyValues, floats, input, type KernelCases, kernelCases, lengths, output, small, updated } from './case.ts'

/** Now and then many numbers, so that a coefficient's last digit shows somewhere. */
const sizes = oneof(
  { arbitrary: lengths(block, 5000), weight: 3 },
  { arbitrary: integer({ min: 3 * block, max: 5 * block }), weight: 1 },
)

const parameter = oneof(constantFrom(0, -0, 0.2, 1, NaN, -Infinity), float({ noNaN: true, min: -9, max: 9 }))

/** args: x, y, n and, where there are parameters, a, b. */
const oneTensor = (hasParameters: boolean) =>
  kernelCases({
    parameters: record({
      size: sizes,
      values: anyValues,
      inPlace: boolean(),
      a: parameter,
      b: parameter,
    }),
    setup: ({ size, values, inPlace, a, b }) => {
      const x = floats(size, values)
      return {
        tensors: inPlace ? { x: updated(x) } : { x: input(x), y: output(size) },
        args: (at) => [at['x']!, at['y'] ?? at['x']!, size, ...(hasParameters ? [a, b] : [])],
        items: blocks(size),
      }
    },
  })

/** An axis: how long it is, and which operand it is one long in. */
const axis = (max: number) =>
  record({ size: small(max), has: oneof({ arbitrary: constantFrom('both'), weight: 3 }, constantFrom('a', 'b')) })
const shapes = oneof(
  { arbitrary: array(axis(9), { minLength: 0, maxLength: 5 }), weight: 3 },
  array(axis(3), { minLength: 0, maxLength: 2 }).chain((outer) =>
    record({ size: lengths(block, 4500), has: constantFrom('both', 'a', 'b') }).map((inner) => [...outer, inner]),
  ),
)

/** args: a, b, out, then a walk of both. `alike`: of one shape, as the gradients of activations are called. */
const pairs = (alike: boolean) =>
  kernelCases({
    parameters: record({ axes: shapes, missing: small(2, 0), values: anyValues, inPlace: boolean() }),
    setup: ({ axes, missing, values, inPlace }) => {
      const shape = (which: string) =>
        axes.map(({ size, has }) => (alike || has === 'both' || has === which ? size : 1))
      const [whole, a, b] = [axes.map(({ size }) => size), shape('a'), shape('b')]
      // Leading axes of one element may be left out.
      while (missing > 0 && b.length > 0 && b[0] === 1) b.shift()
      const count = (of: readonly number[]) => of.reduce((product, size) => product * size, 1)
      const walk = planBroadcast(a, b)
      const onA = inPlace && count(a) === count(whole)
      const left = floats(count(a), values)
      return {
        tensors: {
          a: onA ? updated(left) : input(left),
          b: input(floats(count(b), values, 1)),
          ...(!onA && { out: output(count(walk.shape)) }),
        },
        args: (at) => [at['a']!, at['b']!, at['out'] ?? at['a']!, ...walk.args],
        items: walk.rows * walk.blocks,
      }
    },
  })

const rowsAndWidth = { rows: small(7), width: lengths(32, 300), values: anyValues }

/** args: x [rows, 2F], y [rows, F], F. */
const gated = kernelCases({
  parameters: record(rowsAndWidth),
  setup: ({ rows, width, values }) => ({
    tensors: { x: input(floats(2 * rows * width, values)), y: output(rows * width) },
    args: (at) => [at['x']!, at['y']!, width],
    items: rows,
  }),
})

/** args: dy [rows, dyRow], x [rows, 2F], dx [rows, dxRow], F, dyRow, dxRow; dy by itself or in dx. */
const gatedGrad = kernelCases({
  parameters: record({ ...rowsAndWidth, dySpare: small(3, 0), spare: small(3, 0), inPlace: boolean() }),
  setup: ({ rows, width, values, dySpare, spare, inPlace }) => {
    const dxRow = 2 * width + spare
    const dyRow = inPlace ? dxRow : width + dySpare
    const dy = floats(rows * dyRow, values)
    return {
      tensors: {
        ...(!inPlace && { dy: input(dy) }),
        x: input(floats(2 * rows * width, values, 1)),
        dx: inPlace ? updated(dy) : output(rows * dxRow),
      },
      args: (at) => [at['dy'] ?? at['dx']!, at['x']!, at['dx']!, width, dyRow, dxRow],
      items: rows,
    }
  },
})

const twoTensors = pairs(false)
const twoAlike = pairs(true)
const gatedNames = activationNames.map((name) => `${name[0]!.toUpperCase()}${name.slice(1)}`)
const activationGradients = new Set<string>(activationNames.map((name) => `${name}Grad`))
const withParameters = new Set(['leakyRelu', 'clip', 'step'])
const unaryNames = [...Object.keys(unary), 'sign', 'sin', 'cos', 'step']
const binaryNames = [...Object.keys(binary), 'pow', 'mod']

export const elementwiseCases: Readonly<Record<string, KernelCases>> = Object.fromEntries([
  ...unaryNames.map((name) => [`${name}Float`, oneTensor(withParameters.has(name))] as const),
  ...binaryNames.map((name) => [`${name}Float`, activationGradients.has(name) ? twoAlike : twoTensors] as const),
  ...gatedNames.flatMap((name) => [[`gated${name}`, gated] as const, [`gated${name}Grad`, gatedGrad] as const]),
])
