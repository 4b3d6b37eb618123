// Random sweeps for every stopper, the same in every process: noisy curves with NaN, infinities, ties, plateaus, steps that
// are missing, trials that fail, of equal and of different length, a few trials running at once.
import { crc32 } from 'node:zlib'
import { RandomStream } from '@mixlab/core'
import type { Direction, RecordedTrial } from '@mixlab/studies'

export type StopperReference = { readonly name: string } & Readonly<Record<string, unknown>>

export interface Scenario {
  readonly study: string
  readonly direction: Direction
  readonly jobs: number
  /** Which of the running trials reports next: picks[turn modulo length] modulo how many run. */
  readonly picks: readonly number[]
  readonly stopper: StopperReference
  readonly trials: readonly RecordedTrial[]
}

type Draw = <T>(...items: readonly T[]) => T

/** Configurations by stopper; undefined leaves a field to its default. */
const configurations: Readonly<Record<string, (draw: Draw) => Readonly<Record<string, unknown>>>> = {
  median: (draw) => ({
    startupTrials: draw(undefined, 0, 1, 8),
    warmupSteps: draw(undefined, 3, 7),
    intervalSteps: draw(undefined, 2, 5),
    minimumTrials: draw(undefined, 3, 6),
  }),
  percentile: (draw) => ({
    ...configurations['median']!(draw),
    percentile: draw<number>(0, 10, 25, 33.3, 50, 75, 90, 100),
  }),
  asha: (draw) => {
    const minimumResource = draw<number | 'auto' | undefined>(undefined, 'auto', 1, 2, 5)
    return {
      minimumResource,
      reductionFactor: draw(undefined, 2, 3),
      minimumEarlyStoppingRate: draw(undefined, 1, 2),
      bootstrapCount: typeof minimumResource === 'number' ? draw(undefined, 2, 6) : undefined,
    }
  },
  hyperband: (draw) => {
    const maximumResource = draw<number | 'auto' | undefined>(undefined, 'auto', 9, 27, 30, 100)
    return {
      maximumResource,
      minimumResource: draw(undefined, 2, 3),
      reductionFactor: draw(undefined, 2, 4),
      bootstrapCount: typeof maximumResource === 'number' ? draw(undefined, 2) : undefined,
    }
  },
  patience: (draw) => {
    const inner = draw(undefined, 'median', 'percentile', 'asha', 'hyperband')
    return {
      patience: draw<number>(0, 1, 2, 5),
      minimumDelta: draw(undefined, 0.125, 1),
      stopper: inner && { name: inner, ...given(configurations[inner]!(draw)) },
    }
  },
  threshold: (draw) => {
    const lower = draw(undefined, -1, 0, 1)
    const upper = lower === undefined ? draw<number>(1, 3) : draw(undefined, 3, 5)
    return { lower, upper, warmupSteps: draw(undefined, 4), intervalSteps: draw(undefined, 3) }
  },
  wilcoxon: (draw) => ({ pThreshold: draw(undefined, 0.05, 0.25, 0.5, 0.75), startupSteps: draw(undefined, 0, 4) }),
}

const given = (config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))

/** A curve a + b·0.9^step + noise, in units of `quantum` where there is one, so that values tie exactly. */
function curve(rng: RandomStream, direction: Direction, kind: CurveKind): RecordedTrial {
  const length = kind.varied ? 1 + rng.integer(kind.steps) : kind.steps
  const [end, fall] = [rng.uniform() * 2, rng.uniform() * 3]
  const plateau = rng.uniform() < 0.2 ? rng.integer(kind.steps) : Infinity
  const reports: [number, number][] = []
  let last = Number.NaN
  for (let step = rng.integer(2); step < length; step++) {
    const noise = rng.normal() * 0.3
    const lot = rng.uniform()
    if (rng.uniform() < kind.missing) continue
    const cost = end + fall * 0.9 ** step + noise
    const signed = direction === 'minimize' ? cost : -cost
    const rounded = kind.quantum === 0 ? signed : Math.round(signed / kind.quantum) * kind.quantum
    const value =
      lot < kind.odd ? Number.NaN : lot < kind.odd * 1.3 ? (rng.uniform() < 0.5 ? Infinity : -Infinity) : rounded
    if (step < plateau || Number.isNaN(last)) last = value
    reports.push([step * kind.stride, last])
  }
  const final = reports.at(-1)?.[1] ?? 0
  return rng.uniform() < 0.06 || !Number.isFinite(final) ? { reports } : { reports, value: final }
}

interface CurveKind {
  readonly steps: number
  readonly varied: boolean
  readonly missing: number
  /** Share of NaN; a third as many infinities. */
  readonly odd: number
  readonly quantum: number
  /** From one step to the next. */
  readonly stride: number
}

/** Reports of instances in random order; in units of 1/64, so that sums do not depend on the order. */
function instances(rng: RandomStream, direction: Direction, hardness: readonly number[], odd: boolean): RecordedTrial {
  const skill = rng.uniform()
  const coarse = rng.uniform() < 0.3 ? 4 : 64
  const reports = rng
    .shuffled(hardness.map((hard, step) => [step, hard] as const))
    .map(([step, hard]): [number, number] => {
      const cost = Math.round((hard + skill + rng.normal() * 0.4) * coarse) / coarse
      return [step, direction === 'minimize' ? cost : -cost]
    })
  if (odd && rng.uniform() < 0.2) reports[rng.integer(reports.length)]![1] = Number.NaN
  const mean = reports.reduce((sum, [, value]) => sum + value, 0) / reports.length
  // Some are told a value that is not the mean of their reports.
  const value = rng.uniform() < 0.1 ? skill : mean
  return Number.isNaN(mean) || rng.uniform() < 0.05 ? { reports } : { reports, value }
}

/** Scenario `index` of a stopper. */
export function scenario(name: string, index: number): Scenario {
  const rng = new RandomStream(20_171_127, name).at(index)
  const draw: Draw = (...items) => items[rng.integer(items.length)]!
  const direction = index % 2 === 0 ? 'minimize' : 'maximize'
  const stopper = { name, ...given(configurations[name]!(draw)) }
  const kind: CurveKind = {
    steps: 30,
    varied: draw(true, false),
    missing: draw(0, 0, 0.3),
    odd: draw(0, 0, 0.02, 0.15),
    quantum: draw(0, 0, 1 / 64, 1 / 2),
    stride: draw(1, 1, 13),
  }
  const hardness = Array.from({ length: draw(8, 12, 30, 64) }, () => rng.normal())
  return {
    study: `${name}-${index}`,
    direction,
    jobs: draw(1, 4, 7),
    picks: Array.from({ length: 251 }, () => rng.integer(1 << 20)),
    stopper,
    // scipy takes a tenth of a second for a test with ties.
    trials: Array.from({ length: name === 'wilcoxon' ? 24 : 50 }, () =>
      name === 'wilcoxon' ? instances(rng, direction, hardness, kind.odd > 0) : curve(rng, direction, kind),
    ),
  }
}

export const stopperNames = Object.keys(configurations)

/** Of everything in a scenario, so that a test on records of another one says so. */
export const checksumOf = (each: Scenario): number =>
  crc32(JSON.stringify(each, (_key, value: unknown) => (typeof value === 'number' ? String(value) : value)))
