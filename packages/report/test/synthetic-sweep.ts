// Sweeps of a mixture as they would be left: a simulated loss with a sweet spot of the learning rate, routers that differ,
// a parameter that exists under one of them only, noise between seeds, and successive halving that really judges the
// simulated curves. No model runs; the numbers are the same every time.
import { RandomStream } from '@mixlab/core'
import { type Parameter, type ParameterValue, isActive, type Trial } from '@mixlab/studies'
import type { Objective, SweepReport, TrialRun } from '../src/index.ts'

export interface SyntheticSweep {
  readonly trials?: number
  readonly seeds?: number
  /** Between seeds, of the loss. */
  readonly noise?: number
  readonly objectives?: 1 | 2 | 3
  readonly parameters?: number
  readonly asha?: boolean
  readonly steps?: number
  readonly seed?: number
}

export const space: readonly Parameter[] = [
  {
    name: 'model.mixture.router.name',
    distribution: { kind: 'categorical', choices: ['top-k', 'switch', 'noisy-top-k', 'hash'] },
  },
  { name: 'training.learningRate', distribution: { kind: 'float', low: 1e-4, high: 3e-2, log: true } },
  { name: 'model.mixture.router.k', distribution: { kind: 'int', low: 1, high: 4 } },
  {
    name: 'model.mixture.router.noise',
    distribution: { kind: 'float', low: 0, high: 2 },
    when: { parameter: 'model.mixture.router.name', values: ['noisy-top-k'] },
  },
  { name: 'model.mixture.experts', distribution: { kind: 'int', low: 8, high: 64, log: true } },
  { name: 'training.weightDecay', distribution: { kind: 'float', low: 0, high: 0.3 } },
  { name: 'training.warmupSteps', distribution: { kind: 'int', low: 0, high: 200, step: 20 } },
  { name: 'model.mixture.balance', distribution: { kind: 'float', low: 1e-4, high: 1e-1, log: true } },
  { name: 'model.tieEmbeddings', distribution: { kind: 'categorical', choices: [true, false] } },
  { name: 'training.clip', distribution: { kind: 'float', low: 0.25, high: 4, log: true } },
  { name: 'training.beta2', distribution: { kind: 'float', low: 0.9, high: 0.999 } },
  { name: 'model.dropout', distribution: { kind: 'float', low: 0, high: 0.2, step: 0.05 } },
]

const objectives: readonly Objective[] = [
  { name: 'validationLoss', direction: 'minimize' },
  { name: 'tokensPerSecond', direction: 'maximize' },
  { name: 'maxViolation', direction: 'minimize' },
]

const START = Date.UTC(2026, 10, 30, 9)

function draw(rng: RandomStream, { distribution }: Parameter): ParameterValue {
  if (distribution.kind === 'categorical') return distribution.choices[rng.integer(distribution.choices.length)]!
  const { low, high, log } = distribution
  const value = log ? low * (high / low) ** rng.uniform() : low + (high - low) * rng.uniform()
  const step = distribution.kind === 'int' ? (distribution.step ?? 1) : distribution.step
  return step === undefined ? value : low + step * Math.round((value - low) / step)
}

type Values = Readonly<Record<string, ParameterValue>>
/** What a field is where the sweep does not vary it. */
const usual: Values = { 'model.mixture.experts': 32, 'model.mixture.router.k': 2, 'training.weightDecay': 0.1 }
const at = (values: Values, name: string): number => Number(values[name] ?? usual[name])

/** The loss at the end, nats per token. */
function floorOf(values: Values): number {
  const router = { 'top-k': 0, switch: 0.035, 'noisy-top-k': 0.015, hash: 0.11 }[
    String(values['model.mixture.router.name'])
  ]!
  const rate = Math.log10(at(values, 'training.learningRate')) + 2.7
  const noise = values['model.mixture.router.noise']
  const balance = values['model.mixture.balance']
  return (
    1.62 +
    router +
    0.12 * rate ** 2 -
    0.03 * Math.log2(at(values, 'model.mixture.router.k')) -
    0.02 * Math.log2(at(values, 'model.mixture.experts') / 8) +
    (typeof noise === 'number' ? 0.05 * (noise - 0.7) ** 2 : 0) +
    (typeof balance === 'number' ? 0.01 * (Math.log10(balance) + 2) ** 2 : 0) +
    0.3 * (at(values, 'training.weightDecay') - 0.1) ** 2
  )
}

const costOf = (values: Values) => {
  const [k, experts] = [at(values, 'model.mixture.router.k'), at(values, 'model.mixture.experts')]
  const active = 420_000 + 98_304 * k + 128 * experts
  return { activeParameters: active, totalParameters: 420_000 + 98_304 * experts, flopsPerToken: 6 * active + 24_000 }
}

export function syntheticSweep(options: SyntheticSweep = {}): SweepReport {
  const { trials: count = 60, seeds = 1, noise = 0.012, asha = true, steps = 1620, seed = 1 } = options
  const used = space.slice(0, options.parameters ?? 6)
  const wanted = objectives.slice(0, options.objectives ?? 1)
  const rungs = asha ? [60, 180, 540].filter((step) => step < steps) : []
  const atRung = new Map<number, number[]>()
  const trials: Trial[] = []
  const pointSeeds: Record<number, { values: number[][] }> = {}
  const runs: Record<number, TrialRun[]> = {}
  const cost: Record<number, ReturnType<typeof costOf>> = {}
  const failures: { number: number; reason: string }[] = []
  let clock = START
  for (let number = 0; number < count; number++) {
    const rng = new RandomStream(seed, `trial-${number}`)
    const parameters: Record<string, ParameterValue> = {}
    for (const parameter of used) if (isActive(parameter, parameters)) parameters[parameter.name] = draw(rng, parameter)
    const floor = floorOf(parameters)
    const speed =
      52_000 / (1 + 0.35 * at(parameters, 'model.mixture.router.k')) - 90 * at(parameters, 'model.mixture.experts')
    const violation = 0.2 + 0.5 * rng.uniform() + 0.01 * at(parameters, 'model.mixture.experts')
    const ends = Array.from({ length: seeds }, () => floor + noise * rng.normal())
    const mean = ends.reduce((sum, value) => sum + value, 0) / seeds
    const diverges = at(parameters, 'training.learningRate') > 0.022
    const intermediate = new Map<number, number>()
    let state: Trial['state'] = 'complete'
    for (let step = 20; step <= steps; step += 20) {
      const left = 2.9 * (step / 20) ** -0.62 * (1 - step / (steps * 1.25)) ** 0.4
      intermediate.set(step, mean + left + 0.02 * rng.normal() * Math.sqrt(1 - step / (steps + 20)))
      if (diverges && step > 240) {
        state = 'failed'
        failures.push({
          number,
          reason: `the loss is NaN at step ${step}: a lower training.learningRate or training.clip may help`,
        })
        break
      }
      if (!rungs.includes(step)) continue
      const others = atRung.get(step) ?? []
      const value = intermediate.get(step)!
      others.push(value)
      atRung.set(step, others)
      const keep = Math.max(1, Math.ceil(others.length / 2))
      if (value > others.toSorted((a, b) => a - b)[keep - 1]!) {
        state = 'pruned'
        break
      }
    }
    const last = Math.max(...intermediate.keys())
    if (state === 'complete') intermediate.set(steps, mean)
    const values = [state === 'complete' ? mean : intermediate.get(last)!, speed, violation].slice(0, wanted.length)
    const startedAt = clock
    const finishedAt = startedAt + last * 95
    clock += Math.round((last * 95) / 2)
    trials.push({
      number,
      state,
      parameters,
      distributions: Object.fromEntries(
        used.filter(({ name }) => name in parameters).map((p) => [p.name, p.distribution]),
      ),
      ...(state !== 'failed' && { values }),
      intermediate: wanted.length > 1 ? new Map() : intermediate,
      userAttributes: {},
      systemAttributes: {},
      startedAt,
      finishedAt,
    })
    if (state === 'complete') {
      pointSeeds[number] = {
        values: [
          ends,
          ends.map(() => speed * (1 + 0.01 * rng.normal())),
          ends.map(() => violation + 0.02 * rng.normal()),
        ].slice(0, wanted.length),
      }
      cost[number] = costOf(parameters)
    }
    runs[number] = Array.from({ length: seeds }, (_, i) => {
      const path = `runs/sparsity-sweep/trial-${String(number).padStart(4, '0')}-seed-${i + 1}`
      return { path, seed: i + 1, status: state === 'failed' ? 'failed' : 'finished', report: `../${path}/report.html` }
    })
  }
  return {
    name: '20261130-090000-a1b2',
    experiment: 'sparsity-sweep',
    summary: 'Which router, how many experts and which learning rate at equal active parameters',
    command:
      'mixlab sweep experiments/sparsity-sweep --over router=top-k,switch,noisy-top-k,hash --over training.learningRate=1e-4..3e-2:log --trials 60 --sampler tpe --stopper asha --objective validationLoss',
    startedAt: new Date(START).toISOString(),
    finishedAt: new Date(clock + 60_000).toISOString(),
    status: 'finished',
    space: used,
    objectives: wanted,
    trials,
    sampler: 'tpe',
    ...(asha && { stopper: 'asha', rungs }),
    seeds,
    pointSeeds,
    runs,
    cost,
    infeasible: [
      {
        parameters: { 'model.mixture.experts': 64, 'model.mixture.router.k': 4 },
        reason:
          'no expert width between 16 and 512 gives at most 600 000 active parameters: the smallest model has 813 000',
      },
    ],
    failures,
  }
}
