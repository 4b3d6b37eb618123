// `pnpm bench learning-curves`: the validation curves that stoppers are judged on, of real runs: experiments/char-lm, tiny
// and short, with random configurations, every one with the same seed and so with the same validation windows. The runs are
// made one after another in this process; their folders are temporary.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { MixlabError, RandomStream } from '@mixlab/core'
import { readEvents, runExperiment, writeAtomically } from '@mixlab/lab'
import experiment from '../../experiments/char-lm/experiment.ts'

/** What all runs have in common: about five seconds each on one core. */
const common = [
  'tokenizer=byte',
  'model.layers=2',
  'model.width=48',
  'model.contextLength=48',
  'model.feedForward.width=128',
  'training.steps=300',
  'training.evaluation.every=10',
  'training.evaluation.batches=8',
  'training.checkpoint.every=null',
]

const routers = ['top-k', 'noisy-top-k', 'switch', 'expert-choice', 'sigmoid-bias', 'hash']

/** The configuration of run `index`: a pure function of it, so that more runs can be added later. */
function configuration(index: number): Record<string, number | string> {
  const rng = new RandomStream(1, 'learning-curves').at(index)
  const pick = <T>(items: readonly T[]): T => items[rng.integer(items.length)]!
  const log = (low: number, high: number) => Number((low * (high / low) ** rng.uniform()).toPrecision(3))
  return {
    'training.learningRate': log(1e-4, 3e-2),
    'training.optimizer.weightDecay': log(1e-3, 0.3),
    'training.optimizer.beta2': pick([0.95, 0.99, 0.999]),
    'training.batchSize': pick([4, 8, 16]),
    'training.schedule.name': pick(['cosine', 'linear', 'constant']),
    'training.schedule.warmup': pick([0, 20, 60]),
    experts: pick([0, 2, 4, 8, 16]),
    router: pick(routers),
    k: pick([1, 2]),
  }
}

export interface LearningCurves {
  readonly command: string
  readonly date: string
  readonly machine: string
  readonly experiment: string
  /** `--set` of every run. */
  readonly common: readonly string[]
  readonly direction: 'minimize'
  /** Optimizer steps of the values in `losses`. */
  readonly steps: readonly number[]
  /** Validation loss in nats a byte, five decimals; in order of drawing. */
  readonly runs: readonly {
    readonly set: Readonly<Record<string, number | string>>
    readonly losses: readonly number[]
    readonly seconds: number
  }[]
}

const usage = `pnpm bench learning-curves [options]
  --runs N    how many random configurations (default 128)
  --out FILE  where the JSON goes (default docs/benchmarks/learning-curves.json)
MIXLAB_THREADS=1 is as fast as more for so small a model.`

export async function benchLearningCurves(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '128' },
      out: { type: 'string', default: join(import.meta.dirname, '../../docs/benchmarks/learning-curves.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const count = Number(values.runs)
  if (!Number.isInteger(count) || count < 1)
    throw new MixlabError(`--runs is ${values.runs}, expected a whole number from 1`)
  const folder = await mkdtemp(join(tmpdir(), 'mixlab-learning-curves-'))
  const runs: LearningCurves['runs'][number][] = []
  let steps: readonly number[] = []
  try {
    for (let index = 0; index < count; index++) {
      const set = configuration(index)
      const start = performance.now()
      const assignments = [...common, ...Object.entries(set).map(([field, value]) => `${field}=${value}`)]
      const { path } = await runExperiment(experiment, { set: assignments, seed: 1, engine: 'cpu', runs: folder })
      const evaluated: [step: number, loss: number][] = []
      for await (const event of readEvents(path))
        if (event.type === 'eval.result' && event.evaluator === 'validation')
          evaluated.push([event.step, Number(event.metrics['loss']!.toFixed(5))])
      steps = evaluated.map(([step]) => step)
      const losses = evaluated.map(([, loss]) => loss)
      const seconds = Number(((performance.now() - start) / 1000).toFixed(1))
      runs.push({ set, losses, seconds })
      await rm(path, { recursive: true })
      process.stderr.write(
        `run ${index + 1} of ${count}: ${losses.at(-1)} after ${seconds} s, ${JSON.stringify(set)}\n`,
      )
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const curves: LearningCurves = {
    command: `MIXLAB_THREADS=1 pnpm bench learning-curves --runs ${count}`,
    date: new Date().toISOString(),
    machine: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores`,
    experiment: 'experiments/char-lm',
    common,
    direction: 'minimize',
    steps,
    runs,
  }
  const { runs: lines, ...head } = curves
  const text = `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "runs": [\n${lines.map((run) => `    ${JSON.stringify(run)}`).join(',\n')}\n  ]\n}\n`
  await mkdir(dirname(values.out), { recursive: true })
  await writeAtomically(values.out, text)
  console.log(`Written to ${relative(process.cwd(), values.out)}`)
}
