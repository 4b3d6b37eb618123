// The validation loss: mean cross-entropy over the same windows each time.
import { setImmediate } from 'node:timers/promises'
import type { Batch, TokenStream } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { crossEntropy, tf } from '@mixlab/tensor'

/** The inputs [rows, length] and targets [rows · length] of a batch as tensors; the caller's to dispose. */
export const batchTensors = (batch: Batch): { tokens_BT: tf.Tensor2D; targets: tf.Tensor1D } => ({
  tokens_BT: tf.tensor2d(batch.inputs, [batch.rows, batch.length], 'int32'),
  targets: tf.tensor1d(batch.targets, 'int32'),
})

/** Mean cross-entropy in nats a token over batches of equal size, without dropout or noise. */
export async function meanLoss(model: LanguageModel, batches: Iterable<Batch>): Promise<number> {
  const losses: tf.Scalar[] = []
  for (const batch of batches) {
    losses.push(
      tf.tidy(() => {
        const { tokens_BT, targets } = batchTensors(batch)
        return crossEntropy(model.forward(tokens_BT, { training: false }).logits, targets).loss
      }),
    )
    // Signals and subscribers have their turn between batches.
    await setImmediate()
  }
  const values = await Promise.all(losses.map((loss) => loss.data()))
  tf.dispose(losses)
  return values.reduce((sum, value) => sum + value[0]!, 0) / values.length
}

/** The usual ways to state a loss in nats a token: perplexity, and bits per UTF-8 byte of the text. */
export const lossMetrics = (
  loss: number,
  stream: TokenStream,
): { loss: number; perplexity: number; bitsPerByte: number } => ({
  loss,
  perplexity: Math.exp(loss),
  bitsPerByte: ((loss / Math.LN2) * stream.tokens.length) / stream.bytes,
})
