// Perplexity over a whole held-out text. A figure means nothing without its protocol, so the protocol is in the metric's
// name: `perplexity/disjoint-64` splits the text into windows of 64 tokens, `perplexity/strided-64-16` slides a window of 64
// by 16 and scores the last 16 only, which gives each token at least 48 tokens of context.
import { setImmediate } from 'node:timers/promises'
import { MixlabError } from '@mixlab/core'
import { ignored, windows } from '@mixlab/data'
import { crossEntropy, tf } from '@mixlab/tensor'
import { batchTensors, defineEvaluator, lossMetrics } from '@mixlab/training'
import { z } from 'zod'

export const perplexity = defineEvaluator({
  name: 'perplexity',
  summary: 'Perplexity and bits per byte of the validation text, over disjoint or strided windows',
  source: 'https://huggingface.co/docs/transformers/perplexity',
  config: z.object({
    protocol: z.enum(['disjoint', 'strided']).default('disjoint').describe('How the text is cut into windows'),
    length: z.number().int().min(1).nullable().default(null).describe("Tokens in a window; null: the run's context"),
    stride: z
      .number()
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('strided only: tokens between windows; null: half a window'),
    split: z.enum(['validation', 'train']).default('validation'),
    windows: z
      .number()
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('Score only the first so many; null: the whole text'),
  }),
  create: (config) => ({
    async evaluate({ model, corpus, batchSize, contextLength }) {
      const length = config.length ?? contextLength
      if (length > model.contextLength) {
        throw new MixlabError(
          `perplexity: length is ${length}, more than the model's context of ${model.contextLength}`,
        )
      }
      const stride = config.protocol === 'disjoint' ? length : (config.stride ?? Math.max(1, Math.floor(length / 2)))
      const stream = corpus[config.split]
      let nats = 0
      let scored = 0
      let left = config.windows ?? Infinity
      for (const batch of windows(stream, { batchSize, length, stride, tail: true })) {
        if (left <= 0) break
        if (batch.rows > left) batch.targets.fill(ignored, left * length)
        left -= batch.rows
        const losses = tf.tidy(() => {
          const { tokens_BT, targets } = batchTensors(batch)
          return crossEntropy(model.forward(tokens_BT, { training: false }).logits, targets).losses
        })
        for (const loss of await losses.data()) nats += loss
        losses.dispose()
        for (const target of batch.targets) scored += target === ignored ? 0 : 1
        await setImmediate()
      }
      const name = [
        ...(config.split === 'train' ? ['train'] : []),
        config.protocol === 'disjoint' ? `disjoint-${length}` : `strided-${length}-${stride}`,
        ...(config.windows === null ? [] : [`first-${config.windows}`]),
      ].join('-')
      const metrics = lossMetrics(nats / scored, stream)
      return {
        metrics: Object.fromEntries(Object.entries(metrics).map(([metric, value]) => [`${metric}/${name}`, value])),
      }
    },
  }),
})
