// Runs a model over batches and brings what its mixture layers did to the host: which token went to which members.
import { setImmediate } from 'node:timers/promises'
import type { Batch } from '@mixlab/data'
import type { LanguageModel, RoutingRecord } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { batchTensors } from '@mixlab/training'

export interface LayerRouting {
  readonly layer: number
  readonly members: readonly string[]
  /** int32 [N]: the token (row · length + position) in slot n; −1 for none. */
  readonly rows: ArrayLike<number>
  /** int32 [E+1]: member e owns slots offsets[e] … offsets[e+1]. */
  readonly offsets: ArrayLike<number>
  /** Pairs that the router asked for, before a capacity limit. */
  readonly requested: number
}

/** What one layer did in one batch: calls `visit` for each routed pair, member after member. */
export function forEachPair(
  { rows, offsets, members }: LayerRouting,
  visit: (token: number, member: number) => void,
): void {
  for (let member = 0; member < members.length; member++) {
    for (let slot = offsets[member]!; slot < offsets[member + 1]!; slot++) {
      const token = rows[slot]!
      if (token >= 0) visit(token, member)
    }
  }
}

/** The members of each token of a batch, in ascending order. */
export function membersOfTokens(layer: LayerRouting, tokens: number): number[][] {
  const chosen = Array.from({ length: tokens }, (): number[] => [])
  forEachPair(layer, (token, member) => chosen[token]!.push(member))
  return chosen
}

/** Runs the model (not in training) over batches; yields what each mixture layer did, in order of layers. */
export async function* observeRouting(
  model: LanguageModel,
  batches: Iterable<Batch>,
): AsyncGenerator<{ batch: Batch; layers: readonly LayerRouting[] }> {
  for (const batch of batches) {
    const kept: { record: RoutingRecord; rows: tf.Tensor; offsets: tf.Tensor }[] = []
    tf.tidy(() => {
      const observe = (record: RoutingRecord): void => {
        const { rows_N, offsets } = record.routing
        kept.push({ record, rows: tf.keep(tf.clone(rows_N)), offsets: tf.keep(tf.clone(offsets)) })
      }
      model.forward(batchTensors(batch).tokens_BT, { training: false, observe })
    })
    const layers = await Promise.all(
      kept.map(async ({ record: { layer, members, requested }, rows, offsets }) => ({
        layer,
        members,
        requested,
        rows: await rows.data<'int32'>(),
        offsets: await offsets.data<'int32'>(),
      })),
    )
    for (const { rows, offsets } of kept) tf.dispose([rows, offsets])
    yield { batch, layers: layers.toSorted((a, b) => a.layer - b.layer) }
    await setImmediate()
  }
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
