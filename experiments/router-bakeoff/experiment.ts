// Which router trains the better language model at equal active parameters? A dense model and mixtures that differ in
// nothing but their router, on text in several domains that every machine has (the sources, declarations, documentation,
// data and licences of the packages installed with mixlab).
import {
  createTransformer,
  defineExperiment,
  evaluate,
  loadCorpus,
  pluginReference,
  splitReference,
  train,
  trainingConfig,
  transformerConfig,
  withDefaults,
  z,
} from 'mixlab'

export default defineExperiment({
  name: 'router-bakeoff',
  summary: 'Compare routers at equal active parameters and steps, over seeds',
  config: z.strictObject({
    arms: z
      .array(pluginReference)
      .min(1)
      // DeepSeek-V3's biases move by 0.001 a step, for hundreds of thousands of steps.
      .default(['dense-model', 'top-k', 'switch', 'expert-choice', { name: 'sigmoid-bias', updateSpeed: 0.01 }])
      .describe('Routers to compare; dense-model stands for a model without a mixture.'),
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
  }),

  async run(run) {
    const { arms, seeds, steps, experts, activeWidth, model: shape, training } = run.config
    const corpus = await loadCorpus({ data: 'default' })
    const losses: Record<string, number[]> = {}
    const total = arms.length * seeds
    let index = 0
    for (let seed = run.seed; seed < run.seed + seeds; seed++) {
      for (const arm of arms) {
        const { name, config } = splitReference(arm)
        const dense = name === 'dense-model'
        // Two experts a token, or one of twice the width: the hidden units that a token passes through are the same.
        const k = name === 'switch' ? 1 : Number(config['k'] ?? 2)
        const model = transformerConfig.parse({
          ...shape,
          feedForward: { activation: 'swiglu', width: activeWidth },
          mixture: dense
            ? null
            : { router: arm, experts: [{ name: 'swiglu', count: experts, width: Math.round(activeWidth / k) }] },
        })
        const options = {
          config: { router: arm, model, training: { ...training, steps } },
          seed,
          index: index++,
          total,
        }
        const result = await run.child(`${name}-seed-${seed}`, options, async (child) => {
          using net = createTransformer(child.config.model, {
            vocabulary: corpus.tokenizer.size,
            rng: child.rng.stream('init'),
            plugins: child.plugins,
          })
          const trained = await train(child, { model: net, corpus, config: child.config.training })
          const evaluators = dense
            ? ['perplexity']
            : ['perplexity', 'expert-load', 'domain-specialization', 'causality']
          await evaluate(child, { model: net, corpus, step: trained.steps, evaluators })
          return { ...trained }
        })
        ;(losses[name] ??= []).push(Number(result['validationLoss']))
      }
    }
    return { validationLoss: losses }
  },
})
