// Writes run directories as a bake-off would leave them: simulated losses that fall by a power law with batch noise,
// loads that drift apart under a weak balancing loss, domain-specialised experts. No model runs; the numbers only have
// to look like a run's, and be the same every time.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RandomStream, type LabelledMatrix, type MixlabEvents, type EventType } from '@mixlab/core'
import { RUN_FORMAT, toJson } from '@mixlab/lab'

export interface SyntheticArm {
  readonly name: string
  /** Loss at the end, nats per token. */
  readonly floor: number
  /** How uneven the load becomes; undefined for a dense model without routing. */
  readonly skew?: number
  readonly dropped?: number
  readonly activeParameters?: number
}

export interface SyntheticOptions {
  readonly arms?: readonly SyntheticArm[]
  readonly seeds?: readonly number[]
  readonly steps?: number
  readonly layers?: number
  readonly experts?: number
  readonly every?: number
  /** Steps between logged steps. */
  readonly log?: number
  /** The spread between seeds of the final loss. */
  readonly noise?: number
  readonly id?: string
  readonly summary?: string
}

export const bakeoffArms: readonly SyntheticArm[] = [
  { name: 'dense', floor: 1.742 },
  { name: 'top-k', floor: 1.655, skew: 0.35 },
  { name: 'switch', floor: 1.69, skew: 0.9, dropped: 0.04 },
]

const domains = ['typescript', 'javascript', 'markdown', 'json', 'licence']
const start = Date.UTC(2026, 10, 24, 5, 15, 30)

const machine = {
  processor: 'Example Processor 2.0 GHz',
  cores: 2,
  memoryBytes: 8 * 2 ** 30,
  platform: 'linux-x64',
  host: 'example',
}

interface Written {
  readonly type: EventType
  readonly [field: string]: unknown
}

const event = <T extends EventType>(type: T, time: number, data: MixlabEvents[T]): Written => ({ type, time, ...data })

export interface RunFileFields {
  readonly id: string
  readonly seed: number
  readonly config: unknown
  readonly [field: string]: unknown
}

/** Writes `run.json` and `events.jsonl`, as the lab does. */
export async function writeRun(path: string, file: RunFileFields, events: readonly Written[]): Promise<void> {
  await mkdir(path, { recursive: true })
  const complete = {
    format: RUN_FORMAT,
    experiment: 'router-bakeoff',
    status: 'finished',
    engine: { name: 'cpu' },
    machine,
    versions: { mixlab: '0.1.0', node: '24.21.0' },
    git: { commit: '0123456789abcdef0123456789abcdef01234567', dirty: false },
    script: 'experiments/router-bakeoff/experiment.ts',
    startedAt: new Date(start).toISOString(),
    finishedAt: new Date(start + 168_000).toISOString(),
    process: { pid: 1, host: 'elsewhere' },
    ...file,
  }
  await writeFile(join(path, 'run.json'), toJson(complete, 2))
  await writeFile(join(path, 'events.jsonl'), events.map((one) => `${toJson(one)}\n`).join(''))
}

const normalise = (values: readonly number[]): number[] => {
  const sum = values.reduce((a, b) => a + b, 0)
  return values.map((value) => value / sum)
}

/** The events of one training run of an arm. */
export function trainingEvents(arm: SyntheticArm, seed: number, options: SyntheticOptions = {}): Written[] {
  const { steps = 400, layers = 3, experts = 8, every = 10, log = 1, noise = 0.006 } = options
  const random = new RandomStream(seed).stream(arm.name)
  const active = arm.activeParameters ?? 1_180_000
  const floor = arm.floor + noise * random.normal()
  const members = Array.from({ length: experts }, (_, i) => `expert ${i}`)
  const taste = Array.from({ length: layers }, () => members.map(() => random.normal()))
  const events: Written[] = [
    event('run.started', start, { experiment: 'router-bakeoff', config: {}, seed, engine: 'cpu', name: arm.name }),
    event('train.started', start, {
      parameters: arm.skew === undefined ? active : active * 4 - 900_000,
      activeParameters: active,
      steps,
      tokensPerStep: 1024,
      layers,
    }),
  ]
  const loadAt = (layer: number, step: number): number[] => {
    const grown = (arm.skew ?? 0) * (1 - Math.exp((-3 * step) / steps)) * (1 + 0.3 * layer)
    return normalise(members.map((_, m) => Math.exp(grown * taste[layer]![m]! + 0.06 * random.normal())))
  }
  for (let step = 1; step <= steps; step++) {
    const time = start + step * 380
    const truth = floor + 3.8 * (1 + step / 12) ** -0.9
    const crossEntropy = truth + 0.05 * random.normal()
    const balance =
      1 + (arm.skew ?? 0) ** 2 * 0.12 * (1 - Math.exp((-4 * step) / steps)) + 0.01 * Math.abs(random.normal())
    const routed = arm.skew !== undefined
    if (step % log === 0) {
      events.push(
        event('train.step', time, {
          step,
          loss: crossEntropy + (routed ? 0.01 * balance : 0),
          losses: { crossEntropy, ...(routed && { balance, z: 3 + 2 * (step / steps) + 0.2 * random.normal() }) },
          learningRate:
            step < 20 ? (1e-3 * step) / 20 : 1e-4 + 9e-4 * 0.5 * (1 + Math.cos((Math.PI * (step - 20)) / (steps - 20))),
          gradientNorm: Math.exp(0.9 * Math.exp(-step / 60) + 0.18 * random.normal()),
          tokens: step * 1024,
          timing: {
            tokensPerSecond: (routed ? 15_200 : 21_000) * (1 + 0.04 * random.normal()),
            secondsLeft: (steps - step) * 0.07,
            bytes: 312_000_000,
          },
        }),
      )
    }
    if (routed && step % every === 0) {
      for (let layer = 0; layer < layers; layer++) {
        const load = loadAt(layer, step)
        const entropy = -load.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0) / Math.log(experts)
        events.push(
          event('mixture.routing', time, {
            step,
            layer,
            router: arm.name,
            members,
            load,
            entropy,
            maxViolation: Math.max(...load) * experts - 1,
            dropped: arm.dropped ?? 0,
          }),
        )
      }
    }
    if (step % (every * 5) === 0 || step === steps) {
      const loss = truth + 0.04 + 0.004 * random.normal()
      const metrics = { loss, perplexity: Math.exp(loss), bitsPerByte: loss / Math.LN2 }
      events.push(event('eval.result', time, { step, evaluator: 'validation', metrics }))
      events.push(event('checkpoint.saved', time, { step, path: `checkpoints/step-${step}` }))
    }
  }
  if (arm.skew !== undefined) events.push(...finalEvaluations(arm, random, { steps, layers, members }))
  events.push(event('run.finished', start + steps * 400, { status: 'finished' }))
  return events
}

interface Shape {
  readonly steps: number
  readonly layers: number
  readonly members: readonly string[]
}

function finalEvaluations(arm: SyntheticArm, random: RandomStream, { steps, layers, members }: Shape): Written[] {
  const fair = 1 / members.length
  const specialised: Record<string, LabelledMatrix> = {}
  const together: Record<string, LabelledMatrix> = {}
  const k = arm.name === 'switch' ? 1 : 2
  for (let layer = 0; layer < layers; layer++) {
    specialised[`layer-${layer}`] = {
      title: `Share of each domain's tokens that each expert receives, layer ${layer}`,
      rows: domains,
      columns: members,
      values: domains.map(() =>
        normalise(members.map(() => Math.exp((0.3 + 0.4 * layer) * random.normal()))).map((share) => share * k),
      ),
      columnTitle: 'expert',
      rowTitle: 'domain',
      baseline: k * fair,
    }
    together[`layer-${layer}`] = {
      title: `Share of the tokens of one expert (row) that chose another one, too, layer ${layer}`,
      rows: members,
      columns: members,
      values: members.map((_, a) =>
        members.map((_other, b) => (a === b ? null : k === 1 ? 0 : Math.exp(-1.95 + 0.5 * random.normal()))),
      ),
      rowTitle: 'expert',
      columnTitle: 'chosen together with',
      baseline: (k - 1) / (members.length - 1),
    }
  }
  const shares = [0.1, 0.25, 0.5, 0.75, 1]
  const saturation: LabelledMatrix = {
    title: 'Share of the final routing that earlier checkpoints had',
    rows: Array.from({ length: layers }, (_, i) => `layer ${i}`),
    columns: shares.map((share) => `step ${Math.round(share * steps)}`),
    values: Array.from({ length: layers }, (_, i) => shares.map((share) => 1 - (0.55 + 0.05 * i) * (1 - share) ** 1.6)),
    rowTitle: 'layer',
    columnTitle: 'checkpoint',
    baseline: k * fair,
  }
  const load: LabelledMatrix = {
    title: 'Share of the routed pairs that each expert receives',
    rows: Array.from({ length: layers }, (_, i) => `layer ${i}`),
    columns: members,
    values: Array.from({ length: layers }, () =>
      normalise(members.map(() => Math.exp((arm.skew ?? 0) * random.normal()))),
    ),
    rowTitle: 'layer',
    columnTitle: 'expert',
    baseline: fair,
  }
  const ahead = arm.name === 'expert-choice'
  const time = start + steps * 390
  const at = { step: steps }
  return [
    event('eval.result', time, {
      ...at,
      evaluator: 'domain-specialization',
      metrics: { mutualInformation: 0.21 },
      matrices: specialised,
    }),
    event('eval.result', time, {
      ...at,
      evaluator: 'expert-load',
      metrics: { variation: 0.3, dead: 0 },
      matrices: { load },
    }),
    event('eval.result', time, {
      ...at,
      evaluator: 'causality',
      metrics: { maxChange: ahead ? 0.7 : 0, passed: ahead ? 0 : 1 },
    }),
    event('eval.result', time, {
      ...at,
      evaluator: 'co-activation',
      metrics: { 'layer-0/strongest': 0.4 },
      matrices: together,
    }),
    event('eval.result', time, {
      ...at,
      evaluator: 'routing-saturation',
      metrics: { [`step-${steps}`]: 1 },
      matrices: { saturation },
    }),
    event('note', time, { message: `${arm.name}: evaluation done` }),
  ]
}

/** A run with one child for each arm and seed, as the router bake-off leaves it. */
export async function writeBakeoff(path: string, options: SyntheticOptions = {}): Promise<void> {
  const { arms = bakeoffArms, seeds = [1, 2], id = '20261124-051530-k3f9' } = options
  const total = arms.length * seeds.length
  const summary = options.summary ?? 'Which router makes the best of the same active parameters?'
  const children = arms.flatMap((arm) => seeds.map((seed) => ({ arm, seed, name: `${arm.name}-seed-${seed}` })))
  await writeRun(
    path,
    {
      id,
      summary,
      seed: seeds[0]!,
      config: { routers: arms.map((arm) => arm.name), seeds, training: { steps: options.steps ?? 400 } },
      command: ['mixlab', 'run', 'experiments/router-bakeoff'],
    },
    [
      event('run.started', start, { experiment: 'router-bakeoff', config: {}, seed: seeds[0]!, engine: 'cpu' }),
      ...children.flatMap(({ name }, index) => [
        event('child.started', start, { name, child: name, index, total }),
        event('child.finished', start, { name, child: name, status: 'finished' }),
      ]),
      event('run.finished', start, { status: 'finished' }),
    ],
  )
  for (const [index, { arm, seed, name }] of children.entries()) {
    await writeRun(
      join(path, 'children', name),
      {
        id: name,
        name,
        seed,
        parent: id,
        index,
        total,
        config: {
          model: {
            layers: options.layers ?? 3,
            width: 128,
            mixture:
              arm.skew === undefined
                ? null
                : { experts: options.experts ?? 8, router: { name: arm.name, k: arm.name === 'switch' ? 1 : 2 } },
          },
          training: { steps: options.steps ?? 400, batchSize: 16, learningRate: 1e-3 },
          seed,
        },
      },
      trainingEvents(arm, seed, options),
    )
  }
}
