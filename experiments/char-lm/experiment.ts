// A character-level language model on any text, dense or a mixture. The defaults are nanoGPT's published configuration for
// a CPU (https://github.com/karpathy/nanoGPT, README): validation loss 1.88 on tinyshakespeare after 2,000 steps.
import {
  corpusConfig,
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
  name: 'char-lm',
  summary: 'Train a character-level language model on a text of your own: dense, or with experts',
  config: z.strictObject({
    data: corpusConfig.shape.data,
    tokenizer: z.string().default('character').describe('character, byte, or the path of a tokenizer.json.'),
    experts: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe('Experts in each layer; 0 trains a dense model of the same active width.'),
    k: z.number().int().min(1).default(2).describe('Experts that each token passes through.'),
    router: pluginReference.default('top-k').describe('Which router; see `mixlab plugins list router`.'),
    model: withDefaults(transformerConfig, {
      layers: 4,
      heads: 4,
      width: 128,
      contextLength: 64,
      norm: 'layer',
      positions: 'learned',
      tied: true,
      feedForward: { activation: 'gelu', width: 512 },
    }),
    training: withDefaults(trainingConfig, {
      steps: 2000,
      batchSize: 12,
      learningRate: 1e-3,
      schedule: { name: 'cosine', warmup: 100, minimum: 0.1 },
      optimizer: { beta2: 0.99, weightDecay: 0.1 },
      clip: 1,
      evaluation: { every: 250, batches: 20 },
    }),
  }),

  async run(run) {
    const { data, tokenizer, experts, k, router, model: shape, training } = run.config
    const corpus = await loadCorpus({ data, tokenizer })
    const { name, config: fields } = splitReference(router)
    const schema = run.plugins.find('router', name).config
    const takesK = schema instanceof z.ZodObject && 'k' in schema.shape
    // Experts of width/k, so that a token passes through as many hidden units as in the dense model.
    const width = Math.round((shape.feedForward.width ?? 4 * shape.width) / (takesK ? k : 1))
    const mixture = {
      router: { name, ...(takesK && { k }), ...fields },
      experts: { name: 'mlp', count: experts, width, activation: 'gelu' },
    }
    const config = transformerConfig.parse(experts > 0 ? { ...shape, mixture } : shape)
    using model = createTransformer(config, {
      vocabulary: corpus.tokenizer.size,
      rng: run.rng.stream('init'),
      plugins: run.plugins,
    })
    const result = await train(run, { model, corpus, config: training })
    await evaluate(run, {
      model,
      corpus,
      step: result.steps,
      evaluators: experts > 0 ? ['perplexity', 'expert-load'] : ['perplexity'],
    })
    return { ...result, activeParameters: model.activeParameters }
  },
})
