// A run directory as the lab writes it: a mixture that trains for a few steps and is evaluated, with two children.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type EventType, type MixlabEvents, RandomStream, type RunFile, thisProcess, toJson } from '@mixlab/core'

export const startedAt = Date.parse('2026-11-30T12:00:00Z')

export const config = {
  model: { layers: 2, router: { name: 'top-k', k: 2 }, bias: false },
  note: 'with, comma and "quotes"\nand | a line',
  sizes: [1, 2],
  rate: 0.001,
}

export const runFile = (about: Partial<RunFile> = {}): RunFile => ({
  format: 1,
  id: '20261130-120000-test',
  experiment: 'synthetic',
  summary: 'Does it arrive?',
  config,
  seed: 7,
  status: 'finished',
  result: { loss: 0.5, nested: { ratio: Number.NaN } },
  engine: { name: 'cpu', threads: 2 },
  precision: 'float32',
  machine: { processor: 'a processor', cores: 2, memoryBytes: 1024, platform: 'linux', host: 'here' },
  versions: { mixlab: '0.1.0', node: '24' },
  git: { commit: 'f'.repeat(40), dirty: true },
  script: '/experiments/synthetic.ts',
  command: ['mixlab', 'run', 'synthetic.ts'],
  startedAt: new Date(startedAt).toISOString(),
  finishedAt: new Date(startedAt + 60_000).toISOString(),
  process: thisProcess(),
  ...about,
})

export const losses = [2.5, 1.25, 0.1, Number.NaN, Infinity, -Infinity, 1e-300, 5]
export const loads = [
  [0.25, 0.25, 0.25, 0.25],
  [0.7, 0.1, 0.1, 0.1],
]

export interface Written {
  readonly type: EventType
  readonly time: number
}

const event = <T extends EventType>(type: T, at: number, data: MixlabEvents[T]): Written => ({
  type,
  time: startedAt + at,
  ...data,
})

/** Events of a run with as many steps as there are losses. */
export function eventsOf(given: readonly number[] = losses): Written[] {
  const data = {
    description: 'default corpus: five domains',
    hash: 'ab'.repeat(32),
    vocabulary: 300,
    training: 1000,
    validation: 100,
  }
  const about = { parameters: 100, activeParameters: 50, steps: given.length, tokensPerStep: 64, layers: 1, data }
  const steps = given.flatMap((loss, index) => {
    const step = index + 1
    const at = 1000 * step
    return [
      event('train.step', at, {
        step,
        loss,
        losses: { crossEntropy: loss, balance: 1 },
        learningRate: 0.001,
        gradientNorm: new RandomStream(step).uniform(),
        tokens: 64 * step,
        timing: { tokensPerSecond: 1000 + step, secondsLeft: 1, bytes: 1 },
      }),
      event('mixture.routing', at, {
        step,
        layer: 0,
        router: 'top-k',
        members: ['a', 'b', 'c', 'd'],
        load: loads[index % 2]!,
        entropy: 0.9,
        maxViolation: 0.1,
        dropped: 0,
      }),
    ]
  })
  const matrix = {
    title: 'Domains',
    rows: ['x', 'y'],
    columns: ['a', 'b', 'c'],
    values: [
      [0, 1, null],
      [0.5, 0.25, 2],
    ],
  }
  return [
    event('run.started', 0, { experiment: 'synthetic', config, seed: 7, engine: 'cpu' }),
    event('train.started', 1, about),
    ...steps,
    event('eval.result', 50_000, {
      step: given.length,
      evaluator: 'validation',
      metrics: { loss: 0.75 },
      matrices: { domains: matrix },
    }),
    event('run.finished', 60_000, { status: 'finished', result: { loss: 0.5, nested: { ratio: Number.NaN } } }),
  ]
}

export function writeRun(directory: string, file: RunFile = runFile(), events: readonly Written[] = eventsOf()): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'run.json'), toJson(file, 2))
  writeFileSync(join(directory, 'events.jsonl'), events.map((one) => `${toJson(one)}\n`).join(''))
}

/** A run with two children, one of which was interrupted. */
export function writeFamily(directory: string): void {
  writeRun(directory)
  const parent = runFile().id
  for (const [index, name] of ['first', 'second'].entries()) {
    const status = index === 0 ? 'finished' : 'interrupted'
    const about = {
      id: `${parent}/${name}`,
      name,
      parent,
      index,
      total: 2,
      status,
      config: { arm: name, k: index },
      seed: index,
    } as const
    writeRun(join(directory, 'children', name), runFile(about))
  }
  mkdirSync(join(directory, 'artifacts'))
  writeFileSync(join(directory, 'artifacts/figure.svg'), '<svg/>')
  writeFileSync(join(directory, 'report.html'), '<html></html>')
}
