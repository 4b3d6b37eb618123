// Whether a model looks ahead. A language model is trained to predict each token from those before it; a router that
// compares tokens with later ones (expert choice, capacity by priority) lets the answer leak, and the loss is then too good.
// The check replaces all tokens after a position by others: what the model says up to that position may not change.
import { fixedBatches } from '@mixlab/data'
import { type LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { defineEvaluator } from '@mixlab/training'
import { z } from 'zod'

/** Logits [T, V] of one sequence. */
async function logitsOf(model: LanguageModel, tokens: Int32Array): Promise<Float32Array> {
  const logits = tf.tidy(
    () => model.forward(tf.tensor2d(tokens, [1, tokens.length], 'int32'), { training: false }).logits,
  )
  const values = await logits.data<'float32'>()
  logits.dispose()
  return values
}

export const causality = defineEvaluator({
  name: 'causality',
  summary: 'Replaces future tokens and fails a model whose earlier outputs change',
  source: 'https://github.com/allenai/OLMoE/issues/46',
  config: z.object({
    sequences: z.number().int().min(1).default(2).describe('Validation windows to try'),
    positions: z
      .number()
      .int()
      .min(1)
      .default(4)
      .describe('Positions in each window, at equal distances, after which tokens are replaced'),
    tolerance: z
      .number()
      .min(0)
      .default(1e-4)
      .describe('Largest change allowed, as a fraction of the root mean square of the logits'),
  }),
  create: ({ sequences, positions, tolerance }, { rng }) => ({
    async evaluate({ model, corpus, step, contextLength }) {
      const length = contextLength
      const draws = rng.at(step)
      let maxChange = 0
      let relativeChange = 0
      let worst = 0
      for (const batch of fixedBatches(corpus.validation, {
        batches: sequences,
        batchSize: 1,
        contextLength: length,
      })) {
        const before = await logitsOf(model, batch.inputs)
        const rms = Math.sqrt(before.reduce((sum, value) => sum + value * value, 0) / before.length)
        for (let index = 1; index <= positions; index++) {
          const position = Math.min(length - 1, Math.floor((index * length) / (positions + 1)))
          const changed = batch.inputs.slice()
          for (let t = position + 1; t < length; t++) {
            // Any token but the one that is there.
            changed[t] = (changed[t]! + 1 + draws.integer(Math.max(1, model.vocabulary - 1))) % model.vocabulary
          }
          const after = await logitsOf(model, changed)
          for (let i = 0; i < (position + 1) * model.vocabulary; i++) {
            const change = Math.abs(after[i]! - before[i]!)
            // NaN is a change, and the largest; none is none, even of logits that are all zero.
            if (change === 0 || change / rms <= relativeChange || Number.isNaN(relativeChange)) continue
            maxChange = change
            relativeChange = change / rms
            worst = Math.floor(i / model.vocabulary)
          }
        }
      }
      const passed = relativeChange <= tolerance
      const routers = [...new Set(model.mixtures.map(({ router }) => router))].join(', ')
      return {
        metrics: { maxChange, relativeChange, passed: passed ? 1 : 0 },
        ...(!passed && {
          failed: `the model looks at later tokens: its output at position ${worst} changed by ${maxChange.toPrecision(3)} (${(100 * relativeChange).toPrecision(3)} % of a typical logit) when only tokens after it were replaced${routers && `; its routers: ${routers}`}`,
        }),
      }
    },
  }),
})
