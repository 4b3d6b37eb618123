// How sparse should a mixture be? Number of experts × experts a token × router × learning rate, all at the same number of
// active parameters: the experts' width is solved for at every point, so that what differs is the sparsity and not the cost.
import {
  choice,
  createTransformer,
  defineExperiment,
  defineSweep,
  evaluate,
  float,
  integer,
  loadCorpus,
  pluginReference,
  train,
  trainingConfig,
  transformerConfig,
  transformerCost,
  withDefaults,
  z,
} from 'mixlab'

const config = z.strictObject({
  experts: z.int().min(1).default(8).describe('Experts in each layer'),
  expertWidth: z.int().min(1).default(64).describe('Hidden units of an expert; what a budget solves for'),
  router: pluginReference.default({ name: 'top-k', k: 2 }),
  model: withDefaults(transformerConfig, { layers: 2, heads: 4, width: 64, contextLength: 64 }),
  training: withDefaults(trainingConfig, {
    steps: 400,
    batchSize: 16,
    learningRate: 5e-3,
    schedule: { name: 'cosine', warmup: 30, minimum: 0.1 },
    evaluation: { every: 20, batches: 8 },
    checkpoint: { every: null },
  }),
})

const modelOf = ({ model, experts, expertWidth, router }: z.output<typeof config>) =>
  transformerConfig.parse({
    ...model,
    mixture: { router, experts: [{ name: 'swiglu', count: experts, width: expertWidth }] },
  })

const sparsity = defineExperiment({
  name: 'sparsity-sweep',
  summary: 'How sparse should a mixture be, at equal active parameters?',
  config,

  async cost(given, { plugins, rng }) {
    const { tokenizer } = await loadCorpus({ data: 'default' })
    return transformerCost(modelOf(given), { vocabulary: tokenizer.size, plugins, rng })
  },

  async run(run) {
    const corpus = await loadCorpus({ data: 'default' })
    using model = createTransformer(modelOf(run.config), {
      vocabulary: corpus.tokenizer.size,
      rng: run.rng.stream('init'),
      plugins: run.plugins,
    })
    const result = await train(run, { model, corpus, config: run.config.training })
    await evaluate(run, { model, corpus, step: result.steps, evaluators: ['perplexity', 'expert-load'] })
    return { ...result, activeParameters: model.activeParameters }
  },
})

export default defineSweep({
  experiment: sparsity,
  space: {
    experts: choice([4, 8, 16, 32]),
    router: choice(['top-k', 'noisy-top-k', 'sigmoid-bias']),
    'router.k': integer(1, 4),
    'training.learningRate': float(1e-3, 3e-2, { log: true }),
  },
  // A dense model of this shape whose hidden layers are 128 wide has as many.
  budget: { quantity: 'activeParameters', value: 100_000, free: 'expertWidth' },
  objective: 'validationLoss',
  trials: 48,
  stopper: { name: 'asha', minimumResource: 60, reductionFactor: 2 },
  seeds: 3,
  finalists: 4,
  jobs: 2,
})
