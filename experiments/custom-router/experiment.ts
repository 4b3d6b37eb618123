// A router of one's own, defined in the script and used by name: `--set router=cosine`.
import {
  createTransformer,
  defineExperiment,
  defineRouter,
  evaluate,
  loadCorpus,
  ops,
  pluginReference,
  tf,
  train,
  trainingConfig,
  transformerConfig,
  withDefaults,
  z,
} from 'mixlab'

/** Scores members by cosine similarity, so that long token vectors do not get sharper choices than short ones. */
const cosineRouter = defineRouter({
  name: 'cosine',
  summary: 'Top-k of the cosine similarity between a token and each member',
  source: 'https://arxiv.org/abs/2204.09179',
  config: z.object({ k: z.number().int().min(1).default(2), temperature: z.number().positive().default(0.1) }),
  create({ k, temperature }, { members, width, store, initializer }) {
    const gate = store.parameter('weight', [members, width], initializer)
    const unit = (x: tf.Tensor2D) => x.div<tf.Tensor2D>(tf.norm(x, 2, 1, true).add(1e-6))
    return {
      choices: k,
      route({ x_TD }) {
        const cosine_TE = ops.linear(unit(x_TD), unit(gate as tf.Tensor2D))
        const scores_TE = tf.softmax(cosine_TE.div(temperature)) as tf.Tensor2D
        const { values, indices } = ops.topK(scores_TE, k)
        return { members_Tk: indices, weights_Tk: values, scores_TE, losses: {} }
      },
    }
  },
})

export default defineExperiment({
  name: 'custom-router',
  summary: 'Train a small mixture with a router that is defined in the script',
  plugins: [cosineRouter],
  config: z.strictObject({
    router: pluginReference.default('cosine').describe('This script’s own router, or any other by name.'),
    model: withDefaults(transformerConfig, { layers: 2, heads: 4, width: 64, contextLength: 64 }),
    training: withDefaults(trainingConfig, {
      steps: 200,
      batchSize: 16,
      learningRate: 3e-3,
      evaluation: { every: 50, batches: 8 },
    }),
  }),
  async run(run) {
    const corpus = await loadCorpus({ data: 'default' })
    const mixture = { router: run.config.router, experts: [{ name: 'swiglu', count: 8, width: 64 }] }
    const config = transformerConfig.parse({ ...run.config.model, mixture })
    using model = createTransformer(config, {
      vocabulary: corpus.tokenizer.size,
      rng: run.rng.stream('init'),
      plugins: run.plugins,
    })
    const result = await train(run, { model, corpus, config: run.config.training })
    await evaluate(run, { model, corpus, step: result.steps, evaluators: ['perplexity', 'expert-load', 'causality'] })
    return { ...result }
  },
})
