// Which router trains the better language model at equal active parameters? A dense model and mixtures that differ in
// nothing but their router, on text in several domains that every machine has (the sources, declarations, documentation,
// data and licences of the packages installed with mixlab).
import {
  type Corpus,
  createTransformer,
  defineExperiment,
  evaluate,
  loadCorpus,
  type PluginReference,
  pluginReference,
  type RunContext,
  splitReference,
  train,
  trainingConfig,
  transformerConfig,
  transformerCost,
  withDefaults,
  z,
} from 'mixlab'

const config = z.strictObject({
  arms: z
    .array(pluginReference)
    .min(1)
    // DeepSeek-V3's biases move by 0.001 a step, for hundreds of thousands of steps.
    .default(['dense-model', 'top-k', 'switch', 'expert-choice', { name: 'sigmoid-bias', updateSpeed: 0.01 }])
    .describe('Routers to compare; dense-model stands for a model without a mixture.'),
  router: pluginReference
    .nullable()
    .default(null)
    .describe('One router in place of the arms: a single run, with the run’s seed; what a sweep sets.'),
  seeds: z.number().int().min(1).default(3).describe('Runs of each arm.'),
  steps: z.number().int().min(1).default(400).describe('Optimizer steps of each run.'),
  experts: z.number().int().min(2).default(8).describe('Experts in each layer.'),
  activeWidth: z
    .number()
    .int()
    .min(2)
    .default(128)
    .describe('Hidden units that a token passes through in a layer, in every arm.'),
  model: withDefaults(transformerConfig, { layers: 2, heads: 4, width: 64, contextLength: 64 }),
  training: withDefaults(trainingConfig, {
    batchSize: 16,
    learningRate: 5e-3,
    schedule: { name: 'cosine', warmup: 30, minimum: 0.1 },
    evaluation: { every: 100, batches: 8 },
  }),
})

type Config = z.output<typeof config>

/** The model of an arm. */
function modelOf(arm: PluginReference, { model, experts, activeWidth }: Config) {
  const { name, config: fields } = splitReference(arm)
  // Two experts a token, or one of twice the width: the hidden units that a token passes through are the same.
  const k = name === 'switch' ? 1 : Number(fields['k'] ?? 2)
  return transformerConfig.parse({
    ...model,
    feedForward: { activation: 'swiglu', width: activeWidth },
    mixture:
      name === 'dense-model'
        ? null
        : { router: arm, experts: [{ name: 'swiglu', count: experts, width: Math.round(activeWidth / k) }] },
  })
}

/** Trains and evaluates one arm. */
async function trainArm(
  run: RunContext,
  corpus: Corpus,
  { model: shape, training }: Pick<Config, 'model' | 'training'>,
) {
  using model = createTransformer(shape, {
    vocabulary: corpus.tokenizer.size,
    rng: run.rng.stream('init'),
    plugins: run.plugins,
  })
  const trained = await train(run, { model, corpus, config: training })
  const evaluators =
    shape.mixture === null ? ['perplexity'] : ['perplexity', 'expert-load', 'domain-specialization', 'causality']
  await evaluate(run, { model, corpus, step: trained.steps, evaluators })
  return { ...trained }
}

export default defineExperiment({
  name: 'router-bakeoff',
  summary: 'Compare routers at equal active parameters and steps, over seeds',
  config,

  async cost(given, { plugins, rng }) {
    const { tokenizer } = await loadCorpus({ data: 'default' })
    return transformerCost(modelOf(given.router ?? given.arms[0]!, given), {
      vocabulary: tokenizer.size,
      plugins,
      rng,
    })
  },

  async run(run) {
    const { arms, router, seeds, steps } = run.config
    const training = { ...run.config.training, steps }
    const corpus = await loadCorpus({ data: 'default' })
    if (router !== null) return trainArm(run, corpus, { model: modelOf(router, run.config), training })
    const losses: Record<string, number[]> = {}
    const total = arms.length * seeds
    let index = 0
    for (let seed = run.seed; seed < run.seed + seeds; seed++) {
      for (const arm of arms) {
        const { name } = splitReference(arm)
        const options = {
          config: { router: arm, model: modelOf(arm, run.config), training },
          seed,
          index: index++,
          total,
        }
        const result = await run.child(`${name}-seed-${seed}`, options, (child) =>
          trainArm(child, corpus, child.config),
        )
        ;(losses[name] ??= []).push(Number(result['validationLoss']))
      }
    }
    return { validationLoss: losses }
  },
})
