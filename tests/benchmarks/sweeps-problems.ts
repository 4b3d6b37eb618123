// The problems that samplers are compared on, those of Optuna's own benchmarks and the literature; peer/sweeps_problems.py has
// the same functions.
import type { RandomStream } from '@mixlab/core'
import type { Direction, Parameters, Space } from '@mixlab/studies'

export interface Problem {
  readonly name: string
  readonly space: Space
  readonly directions: readonly Direction[]
  /** Of several objectives: up to where volume counts. */
  readonly reference?: readonly number[]
  /** Standard deviation of what is added to values that samplers see; comparisons see them without. */
  readonly noise?: number
  readonly evaluate: (parameters: Parameters) => readonly number[]
}

const floats = (count: number, low: number, high: number): Space =>
  Array.from({ length: count }, (_, i) => ({ name: `x${i}`, distribution: { kind: 'float', low, high } }))

const numbers = (parameters: Parameters): number[] =>
  Object.entries(parameters)
    .toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([, value]) => value as number)

const sum = (values: readonly number[], of: (value: number, i: number) => number): number =>
  values.reduce((total, value, i) => total + of(value, i), 0)

function branin({ x, y }: Parameters): number {
  const [a, b] = [x as number, y as number]
  const fold = b - (5.1 / (4 * Math.PI ** 2)) * a * a + (5 / Math.PI) * a - 6
  return fold ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10
}

const hartmann = {
  heights: [1, 1.2, 3, 3.2],
  scales: [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
  ],
  centres: [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
  ],
}

const hartmann6 = (x: readonly number[]): number =>
  -sum(hartmann.heights, (height, i) => {
    const distance = sum(x, (value, j) => hartmann.scales[i]![j]! * (value - hartmann.centres[i]![j]!) ** 2)
    return height * Math.exp(-distance)
  })

const rosenbrock = (x: readonly number[]): number =>
  sum(x.slice(0, -1), (value, i) => 100 * (x[i + 1]! - value * value) ** 2 + (1 - value) ** 2)

/** A tuning problem's shape: a best rate that depends on the optimiser, a width and a depth that share a budget. */
function mixed({ optimizer, rate, width, depth, dropout }: Parameters): number {
  const best = { sgd: -1.5, adam: -3, adafactor: -2.5 }[optimizer as string]!
  const penalty = { sgd: 0.3, adam: 0, adafactor: 0.1 }[optimizer as string]!
  const size = Math.log2(width as number) + 0.5 * (depth as number)
  return (
    penalty + (Math.log10(rate as number) - best) ** 2 + 0.2 * (size - 9) ** 2 + 4 * ((dropout as number) - 0.15) ** 2
  )
}

/** Each choice has parameters of its own and a different best value. */
function conditional(parameters: Parameters): number {
  const of = (name: string) => parameters[name] as number
  const rate = (Math.log10(of('rate')) + 3) ** 2
  if (parameters['router'] === 'top-k') return 0.2 + 0.5 * rate + 0.1 * (of('k') - 3) ** 2
  if (parameters['router'] === 'noisy')
    return 0.5 * rate + 0.1 * (of('k') - 2) ** 2 + (Math.log10(of('noise')) + 1) ** 2 + (of('jitter') - 0.3) ** 2
  return 0.5 + 0.3 * rate
}

function zdt1(x: readonly number[]): readonly number[] {
  const g = 1 + (9 * sum(x.slice(1), (value) => value)) / (x.length - 1)
  return [x[0]!, g * (1 - Math.sqrt(x[0]! / g))]
}

function dtlz2(x: readonly number[]): readonly number[] {
  const g = 1 + sum(x.slice(2), (value) => (value - 0.5) ** 2)
  const [a, b] = [(x[0]! * Math.PI) / 2, (x[1]! * Math.PI) / 2]
  return [g * Math.cos(a) * Math.cos(b), g * Math.cos(a) * Math.sin(b), g * Math.sin(a)]
}

const rateParameter = { name: 'rate', distribution: { kind: 'float', low: 1e-5, high: 1e-1, log: true } } as const

export const problems: readonly Problem[] = [
  {
    name: 'branin',
    space: [
      { name: 'x', distribution: { kind: 'float', low: -5, high: 10 } },
      { name: 'y', distribution: { kind: 'float', low: 0, high: 15 } },
    ],
    directions: ['minimize'],
    evaluate: (parameters) => [branin(parameters)],
  },
  {
    name: 'hartmann-6',
    space: floats(6, 0, 1),
    directions: ['minimize'],
    evaluate: (parameters) => [hartmann6(numbers(parameters))],
  },
  {
    name: 'rosenbrock-10',
    space: floats(10, -5, 10),
    directions: ['minimize'],
    evaluate: (parameters) => [rosenbrock(numbers(parameters))],
  },
  {
    name: 'mixed',
    space: [
      { name: 'optimizer', distribution: { kind: 'categorical', choices: ['sgd', 'adam', 'adafactor'] } },
      rateParameter,
      { name: 'width', distribution: { kind: 'int', low: 16, high: 512, log: true } },
      { name: 'depth', distribution: { kind: 'int', low: 1, high: 8 } },
      { name: 'dropout', distribution: { kind: 'float', low: 0, high: 0.5, step: 0.05 } },
    ],
    directions: ['minimize'],
    evaluate: (parameters) => [mixed(parameters)],
  },
  {
    name: 'conditional',
    space: [
      { name: 'router', distribution: { kind: 'categorical', choices: ['top-k', 'noisy', 'hash'] } },
      rateParameter,
      {
        name: 'k',
        distribution: { kind: 'int', low: 1, high: 8 },
        when: { parameter: 'router', values: ['top-k', 'noisy'] },
      },
      {
        name: 'noise',
        distribution: { kind: 'float', low: 1e-3, high: 1, log: true },
        when: { parameter: 'router', values: ['noisy'] },
      },
      {
        name: 'jitter',
        distribution: { kind: 'float', low: 0, high: 1 },
        when: { parameter: 'router', values: ['noisy'] },
      },
    ],
    directions: ['minimize'],
    evaluate: (parameters) => [conditional(parameters)],
  },
  {
    name: 'noisy',
    space: floats(5, -5, 5),
    directions: ['minimize'],
    noise: 2,
    evaluate: (parameters) => [sum(numbers(parameters), (value) => value * value)],
  },
  {
    name: 'zdt-1',
    space: floats(10, 0, 1),
    directions: ['minimize', 'minimize'],
    reference: [1.1, 11],
    evaluate: (parameters) => zdt1(numbers(parameters)),
  },
  {
    name: 'dtlz-2',
    space: floats(7, 0, 1),
    directions: ['minimize', 'minimize', 'minimize'],
    reference: [2.5, 2.5, 2.5],
    evaluate: (parameters) => dtlz2(numbers(parameters)),
  },
]

/** Values as samplers see them. */
export function observed({ noise }: Problem, values: readonly number[], rng: RandomStream): readonly number[] {
  return noise === undefined ? values : values.map((value) => value + noise * rng.normal())
}

/** By our names; cma-es has one objective. */
export const samplerNames = ['random', 'sobol', 'tpe', 'cma-es', 'nsga-ii'] as const
export type SamplerName = (typeof samplerNames)[number]

export const applies = (sampler: SamplerName, { directions }: Problem): boolean =>
  sampler !== 'cma-es' || directions.length === 1
