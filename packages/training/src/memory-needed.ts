// Whether a training run can fit in the engine's memory at all, before it starts. Only what is certain is counted: the
// arrays that are as large as the parameters, and the logits with their gradient. What passes may still run out of memory.
import { formatBytes, MixlabError } from '@mixlab/core'
import type { LanguageModel } from '@mixlab/nn'
import { activeEngine, type tf } from '@mixlab/tensor'
import type { TrainingConfig } from './config.ts'
import { momentsOf } from './optimizers.ts'

const bytesOf = (tensors: Iterable<tf.Tensor>): number => {
  let bytes = 0
  for (const { size } of tensors) bytes += 4 * size
  return bytes
}

/**
 * Refuses a run that is certain to run out of memory.
 * @throws MixlabError (`out-of-memory`) with the numbers and what to reduce.
 */
export function checkMemory(model: LanguageModel, config: TrainingConfig, contextLength: number): void {
  const engine = activeEngine()
  const limit = engine?.memory().limit
  if (!engine || limit === undefined) return
  const { batchSize, accumulation, optimizer, ema } = config
  const parameters = bytesOf(model.parameters().values())
  const buffers = bytesOf(model.buffers().values())
  const moments = momentsOf(optimizer).length * parameters
  const averages = ema === null ? 0 : parameters
  const logits = 4 * batchSize * contextLength * model.vocabulary
  const held = parameters + buffers + moments + averages
  // Gradients are complete when the logits are gone, unless those of an earlier micro-batch are waiting.
  const atUpdate = held + parameters
  const atLoss = held + 2 * logits + (accumulation > 1 ? parameters : 0)
  const needed = Math.max(atUpdate, atLoss)
  if (needed <= limit) return
  const parts = [
    `parameters ${formatBytes(parameters + buffers)}`,
    ...(moments > 0 ? [`${optimizer.name}'s moments ${formatBytes(moments)}`] : []),
    ...(averages > 0 ? [`averages ${formatBytes(averages)}`] : []),
    ...(atUpdate >= atLoss || accumulation > 1 ? [`gradients ${formatBytes(parameters)}`] : []),
    ...(atLoss > atUpdate
      ? [
          `logits of ${batchSize} × ${contextLength} tokens and ${model.vocabulary} ids with their gradient ${formatBytes(2 * logits)}`,
        ]
      : []),
  ]
  const advice = atUpdate > limit ? 'use a smaller model' : 'use a smaller training.batchSize or contextLength'
  throw new MixlabError(
    `training needs at least ${formatBytes(needed)} of memory (${parts.join(', ')}), the ${engine.name} engine has ${formatBytes(limit)} at most: ${advice}`,
    { code: 'out-of-memory' },
  )
}
