// Axes of parameters and of objectives. Every axis maps its values to [0, 1], evenly in what a sampler draws uniformly
// (the logarithm of a logarithmic parameter, the choices of a categorical one, the cells of an integer), so that figures,
// the importances and the surfaces share one geometry.
import { cardinality, type Distribution, type Parameter, type ParameterValue } from '@mixlab/studies'
import { quantile } from '../curves.ts'
import { number, whole } from '../format.ts'

export interface Tick {
  /** In [0, 1]. */
  readonly at: number
  readonly label: string
}

export interface Axis {
  readonly logarithmic: boolean
  /** The values of a categorical axis; empty for numbers. */
  readonly choices: readonly ParameterValue[]
  /** In [0, 1]; undefined for a value that is none of the axis's. */
  position(value: ParameterValue | undefined): number | undefined
  /** About `count` of them; all choices of a categorical axis. */
  ticks(count: number): readonly Tick[]
}

export interface ParameterAxis extends Axis {
  readonly name: string
  /** The shortest end of the dotted name that tells it from the others. */
  readonly short: string
}

/** A number of an axis: 0.001, 25, 1e−5. */
function tickLabel(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e5))
    return value
      .toExponential(2)
      .replace(/\.?0*e\+?/, 'e')
      .replaceAll('-', '\u2212')
  if (size >= 1e4) return whole(value)
  return String(Number(value.toPrecision(6))).replace('-', '\u2212')
}

export const showValue = (value: ParameterValue | undefined): string =>
  value === undefined ? '–' : typeof value === 'number' ? number(value) : value === null ? 'none' : String(value)

/** Steps of 1, 2 or 5 times a power of ten that give at most `count` ticks. */
function linearTicks(low: number, high: number, count: number, whole: boolean): number[] {
  const wanted = (high - low) / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(wanted))
  const step = Math.max(whole ? 1 : 0, power * ([1, 2, 5, 10].find((m) => m * power >= wanted * 0.999) ?? 10))
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step)
}

/** Powers of ten, subdivided where there are few; powers of two for whole numbers. */
function logarithmicTicks(low: number, high: number, count: number, whole: boolean): number[] {
  const powers = (base: number, factors: readonly number[]): number[] => {
    const [from, to] = [Math.floor(Math.log(low) / Math.log(base)), Math.ceil(Math.log(high) / Math.log(base))]
    return Array.from({ length: to - from + 1 }, (_, i) => factors.map((factor) => factor * base ** (from + i)))
      .flat()
      .filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9))
  }
  const offers = [
    ...(whole && high / low < 4096 ? [powers(2, [1])] : []),
    powers(10, [1, 2, 5]),
    powers(10, [1, 3]),
    powers(10, [1]),
  ]
  const fitting = offers.find((ticks) => ticks.length <= Math.max(2, count) && ticks.length >= 2)
  if (fitting) return fitting
  const decades = powers(10, [1])
  if (decades.length < 2) return [low, high]
  const every = Math.ceil(decades.length / Math.max(2, count))
  return decades.filter((_, i) => i % every === 0)
}

export interface NumberAxis {
  readonly low: number
  readonly high: number
  readonly logarithmic?: boolean
  /** Width of a value's cell, which the axis holds whole; 0 for a continuous one. */
  readonly cell?: number
  readonly whole?: boolean
}

/** An axis of numbers from low to high; values outside lie at its ends. */
export function numberAxis({ low, high, logarithmic = false, cell = 0, whole = false }: NumberAxis): Axis {
  const [from, to] = [low - cell / 2, high + cell / 2]
  const warp = logarithmic ? Math.log : (value: number) => value
  const place = (value: number): number =>
    from === to ? 0.5 : Math.max(0, Math.min(1, (warp(value) - warp(from)) / (warp(to) - warp(from))))
  return {
    logarithmic,
    choices: [],
    position: (value) => (typeof value === 'number' && !Number.isNaN(value) ? place(value) : undefined),
    ticks: (count) => {
      if (low === high) return [{ at: place(low), label: tickLabel(low) }]
      const values = (logarithmic ? logarithmicTicks : linearTicks)(low, high, count, whole)
      return values.map((value) => ({ at: place(value), label: tickLabel(value) }))
    },
  }
}

function categoricalAxis(choices: readonly ParameterValue[]): Axis {
  const place = (i: number): number => (i + 0.5) / choices.length
  return {
    logarithmic: false,
    choices,
    position: (value) => {
      const index = value === undefined ? -1 : choices.indexOf(value)
      return index < 0 ? undefined : place(index)
    },
    ticks: () => choices.map((choice, i) => ({ at: place(i), label: showValue(choice) })),
  }
}

function distributionAxis(distribution: Distribution): Axis {
  switch (distribution.kind) {
    case 'categorical':
      return categoricalAxis(distribution.choices)
    case 'int':
      return numberAxis({
        low: distribution.low,
        high: distribution.high,
        logarithmic: distribution.log ?? false,
        cell: distribution.log ? 1 : (distribution.step ?? 1),
        whole: true,
      })
    case 'float':
      return numberAxis({
        low: distribution.low,
        high: distribution.high,
        logarithmic: distribution.log ?? false,
        cell: distribution.step ?? 0,
      })
    default:
      return distribution satisfies never
  }
}

/** One axis for each parameter that has more than one value, in order. */
export function parameterAxes(space: readonly Parameter[]): ParameterAxis[] {
  const varied = space.filter(({ distribution }) => cardinality(distribution) > 1)
  const names = varied.map(({ name }) => spoken(name))
  return varied.map(({ name, distribution }) => ({
    ...distributionAxis(distribution),
    name,
    short: shortName(spoken(name), names),
  }))
}

/** `router.name` chooses the router. */
const spoken = (name: string): string => name.replace(/(.)\.name$/, '$1')

function shortName(name: string, all: readonly string[]): string {
  const parts = name.split('.')
  for (let i = parts.length - 1; i > 0; i--) {
    const end = parts.slice(i).join('.')
    if (!all.some((other) => other !== name && (other === end || other.endsWith(`.${end}`)))) return end
  }
  return name
}

/**
 * An axis for an objective: all the good values, and of the bad ones those that are not far out (Tukey's outer fence), so
 * that one run that diverged does not flatten the others. Logarithmic where the values span more than two decades.
 */
export function objectiveAxis(values: readonly number[], direction: 'minimize' | 'maximize'): Axis {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return numberAxis({ low: 0, high: 1 })
  const [low, high] = fenced(finite, direction)
  if (low > 0 && high / low > 100) return numberAxis({ low: low * 0.9, high: high * 1.1, logarithmic: true })
  const air = low === high ? Math.max(Math.abs(low) * 0.05, 1e-9) : (high - low) * 0.05
  return numberAxis({ low: low - air, high: high + air })
}

/** Lowest and highest of finite values, the worse side no farther than three quartile ranges beyond the quartile. */
export function fenced(values: readonly number[], direction: 'minimize' | 'maximize'): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const [first, third] = [quantile(values, 0.25), quantile(values, 0.75)]
  const reach = 3 * (third - first)
  if (!(reach > 0)) return [low, high]
  return direction === 'minimize'
    ? [low, Math.max(...values.filter((value) => value <= third + reach))]
    : [Math.min(...values.filter((value) => value >= first - reach)), high]
}
