// How much of the gap between a weak and a strong language model does a router recover that has never seen the question, and
// learnt from a few thousand others with features made on this machine? Every router is a `router` plugin: those that predict
// quality, and those of the mixture layer as they are.
import {
  createMessageRouter,
  featuresConfig,
  fitFeatures,
  fitThreshold,
  judgePair,
  judgeThreshold,
  type Outcomes,
  pairOutcomes,
  rememberFeatures,
  routerTrainingConfig,
  splitOutcomes,
  textOf,
  trainRouter,
} from '@mixlab/agent-routing'
import {
  defineExperiment,
  interrupted,
  type PluginReference,
  pluginReference,
  type RunContext,
  splitReference,
  z,
} from 'mixlab'
import { baselineGains, baselines, shuffledOutcomes } from './baselines.ts'
import { defaultFolder, pair, readOutcomes } from './data.ts'
import { drawCurves, type Panel } from './draw-curves.ts'
import { figuresOf, type Held, meanCurve } from './judge.ts'
import { type Row, tableLines } from './table.ts'

const tasks = {
  gsm8k: { title: 'GSM8K', data: 'gsm8k', by: 'question' },
  mmlu: { title: 'MMLU', data: 'mmlu', by: 'question' },
  'mmlu-new-subjects': { title: 'MMLU, subjects never seen', data: 'mmlu', by: 'group' },
} as const

const config = z.strictObject({
  data: z.string().default(defaultFolder).describe('Folder of gsm8k_responses.csv and mmlu/*.csv'),
  tasks: z
    .array(z.enum(['gsm8k', 'mmlu', 'mmlu-new-subjects']))
    .min(1)
    .default(['gsm8k', 'mmlu', 'mmlu-new-subjects']),
  routers: z
    .array(pluginReference)
    .min(1)
    .default([
      'nearest-neighbours',
      'logistic',
      'matrix-factorization',
      'mlp',
      'lin-ucb',
      { name: 'top-k', k: 1 },
      { name: 'noisy-top-k', k: 1 },
      'switch',
    ]),
  splits: z.int().min(1).default(5).describe('Seeds of the split; figures are means over them'),
  train: z.number().gt(0).lt(1).default(0.5).describe('Share of the questions'),
  thresholds: z.number().gt(0).lt(1).default(0.15).describe('Share that thresholds are fitted on'),
  test: z.number().gt(0).lt(1).default(0.35).describe('Share that routers are judged by'),
  resamples: z.int().min(40).default(500).describe('Of the questions, for the 95 % intervals'),
  controls: z.int().min(0).default(10).describe('Routers of each split that learn from shuffled outcomes'),
  limit: z.int().min(1).nullable().default(null).describe('Questions of GSM8K and of each subject; null: all'),
  features: featuresConfig.prefault({}),
  training: routerTrainingConfig.prefault({ reward: 'above-mean' }),
})
type Config = z.output<typeof config>
type Run = RunContext<Config>

const REFERENCE = 'logistic'
const CONTROL = 'lin-ucb, shuffled outcomes'

interface Judged {
  readonly held: Map<string, Held[]>
  readonly shares: Map<string, number[]>
}

const push = <V>(map: Map<string, V[]>, key: string, value: V): void => {
  map.set(key, [...(map.get(key) ?? []), value])
}

/** Trains and judges everything on one split. */
function judgeSplit(run: Run, task: keyof typeof tasks, outcomes: Outcomes, seed: number, judged: Judged): void {
  const { config: given, plugins } = run
  const rng = run.rng.stream(task).at(seed)
  const shares = { train: given.train, thresholds: given.thresholds, test: given.test }
  const { train, thresholds, test } = splitOutcomes(outcomes, { seed, shares, by: tasks[task].by })
  const place = new Map(outcomes.questions.map(({ id }, index) => [id, index]))
  const indices = test.questions.map(({ id }) => place.get(id)!)
  const features = rememberFeatures(
    fitFeatures(train.questions.map(textOf), { config: given.features, rng: rng.stream('features') }),
  )
  const known = pairOutcomes(test, pair)
  for (const name of baselines) {
    const gains = baselineGains(name, { train, test, outcomes: known, rng: rng.stream(name) })
    push(judged.held, name, { ...known, gains, indices })
  }
  const learn = (reference: PluginReference, label: string, from: Outcomes): void => {
    const own = rng.stream(label)
    using router = createMessageRouter({ router: reference, plugins, members: outcomes.members, features, rng: own })
    trainRouter(router, from, { config: given.training, rng: own })
    push(judged.held, label, { ...judgePair(router, test, pair), indices })
    if (thresholds.questions.length === 0) return
    const threshold = fitThreshold(router, thresholds, { ...pair, share: 0.5 })
    push(judged.shares, label, judgeThreshold(router, test, threshold).share)
  }
  for (const reference of given.routers) {
    if (run.signal.aborted) throw interrupted()
    learn(reference, splitReference(reference).name, train)
  }
  for (let draw = 0; draw < given.controls; draw++)
    learn('lin-ucb', CONTROL, shuffledOutcomes(train, rng.stream(`shuffled-${draw}`)))
}

/** Judges all routers on one task; the rows of its table and its panel of the drawing. */
async function judgeTask(run: Run, task: keyof typeof tasks): Promise<{ rows: Row[]; lines: string[]; panel: Panel }> {
  const { data, splits, resamples, limit } = run.config
  const outcomes = readOutcomes(tasks[task].data, data, limit)
  const judged: Judged = { held: new Map(), shares: new Map() }
  for (let split = 0; split < splits; split++) {
    judgeSplit(run, task, outcomes, run.seed + split, judged)
    run.emit('note', { message: `${tasks[task].title}: split ${split + 1} of ${splits}` })
    await run.ready()
  }
  const reference = judged.held.has(REFERENCE) ? REFERENCE : splitReference(run.config.routers[0]!).name
  const rng = run.rng.stream('resamples')
  const groups = outcomes.questions.map(({ group = '' }) => group)
  const figures = figuresOf(judged.held, {
    questions: outcomes.questions.length,
    ...(tasks[task].by === 'group' && { groups }),
    resamples,
    reference,
    rng,
  })
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const rows = figures.map((row) => {
    const shares = judged.shares.get(row.router)
    return { ...row, ...(shares && { shareAtHalf: mean(shares) }) }
  })
  const weak = mean(outcomes.quality.map(([right]) => right!))
  const strong = mean(outcomes.quality.map(([, right]) => right!))
  const about = `${tasks[task].title}: ${outcomes.questions.length} questions, ${pair.weak} ${(100 * weak).toFixed(1)} %, ${pair.strong} ${(100 * strong).toFixed(1)} %`
  const lines = [about, '', ...tableLines(rows, reference)]
  for (const message of lines) run.emit('note', { message })
  const curves = [...judged.held]
    .filter(([router]) => router !== CONTROL)
    .map(([label, held]) => ({ label, points: meanCurve(held), dashed: ['random', 'oracle'].includes(label) }))
  return { rows, lines, panel: { title: tasks[task].title, curves } }
}

export default defineExperiment({
  name: 'agent-routing',
  summary: 'Learned routers between two language models, on questions they have never seen',
  config,

  async run(run) {
    const names = [...new Set(run.config.tasks)]
    const results: Record<string, Row[]> = {}
    const [panels, tables]: [Panel[], string[]] = [[], []]
    for (const task of names) {
      const { rows, lines, panel } = await judgeTask(run, task)
      results[task] = rows
      panels.push(panel)
      tables.push(...lines, '')
    }
    const routers = results[names[0]!]!.map(({ router }) => router)
    const apgr = (task: string, router: string) => results[task]!.find((row) => row.router === router)!.apgr.value
    run.emit('eval.result', {
      step: 0,
      evaluator: 'agent-routing',
      metrics: Object.fromEntries(
        names.flatMap((task) => routers.map((router) => [`${task}.${router}`, apgr(task, router)])),
      ),
      matrices: {
        apgr: {
          title: 'Average performance gap recovered',
          rows: routers,
          columns: names.map((task) => tasks[task].title),
          values: routers.map((router) => names.map((task) => apgr(task, router))),
          baseline: 0.5,
        },
      },
    })
    const [table, drawing] = ['artifacts/apgr.md', 'artifacts/accuracy-by-share.svg']
    await run.directory.write(table, tables.join('\n'))
    run.emit('artifact.logged', { path: table, title: 'Figures of every router, with intervals' })
    await run.directory.write(drawing, drawCurves(panels))
    run.emit('artifact.logged', { path: drawing, title: 'Accuracy against the share of questions to the strong model' })
    return {
      apgr: Object.fromEntries(
        names.map((task) => [task, Object.fromEntries(results[task]!.map((row) => [row.router, row.apgr.value]))]),
      ),
    }
  },
})
