// Losses that keep a mixture's members in use, in one convention: per layer, mean over tokens, divided by k, so that
// perfect balance is 1; they enter the training loss as coefficient · value, summed over layers. Frameworks differ by up
// to k·L in what they call the coefficient; `convertBalanceCoefficient` states one in ours.
//
// Axes: T tokens, E members, k choices a token.
import { dispatch, tf } from '@mixlab/tensor'

/** How many pairs each member was chosen for, float32 [E]; −1 counts for none. No gradient flows through it. */
export function memberCounts(members_Tk: tf.Tensor2D, memberCount: number): tf.Tensor1D {
  const { offsets } = dispatch(members_Tk, memberCount)
  const edges = tf.cast(offsets, 'float32')
  return tf.sub<tf.Tensor1D>(tf.slice(edges, [1], [memberCount]), tf.slice(edges, [0], [memberCount]))
}

/**
 * E · Σ_e f_e P_e with f_e = c_e / (T·k), the share of the pairs, and P_e the mean probability (Fedus et al. 2021,
 * https://arxiv.org/abs/2101.03961, eq. 4–6, for any k). 1 at perfect balance, at most E. The gradient flows through P.
 * @param probabilities_TE rows that sum to 1
 * @param members_Tk int32
 */
export function balanceLoss(probabilities_TE: tf.Tensor2D, members_Tk: tf.Tensor2D): tf.Scalar {
  const members = probabilities_TE.shape[1]
  const share = tf.div(memberCounts(members_Tk, members), members_Tk.size)
  return tf.mul(tf.sum(tf.mul(share, tf.mean(probabilities_TE, 0))), members)
}

/** Mean of logsumexp(z)² over tokens (Zoph et al. 2022, https://arxiv.org/abs/2202.08906, eq. 5). */
export const zLoss = (logits_TE: tf.Tensor2D): tf.Scalar => tf.mean(tf.square(tf.logSumExp(logits_TE, 1)))

/**
 * Squared coefficient of variation of a vector, var/mean², with the unbiased variance; 0 for one element. The importance
 * and load losses of Shazeer et al. 2017 (https://arxiv.org/abs/1701.06538, eq. 7 and 11), whose paper leaves the variance's
 * divisor open; FastMoE divides by E − 1, too. 0 at perfect balance.
 */
export function squaredVariation(values_E: tf.Tensor1D): tf.Scalar {
  const count = values_E.size
  if (count < 2) return tf.scalar(0)
  const mean = tf.mean(values_E)
  const variance = tf.div(tf.sum(tf.square(tf.sub(values_E, mean))), count - 1)
  return tf.div(variance, tf.add(tf.square(mean), 1e-10))
}

export interface CoefficientConvention {
  readonly from: 'huggingface' | 'megatron' | 'megablocks'
  /** Choices a token. */
  readonly k: number
  /** Mixture layers. */
  readonly layers: number
}

/**
 * The coefficient that gives here what `coefficient` gives there.
 *
 * - `megatron`: per layer, summed over layers, divided by k: the same.
 * - `megablocks`: the mean over layers: coefficient / layers.
 * - `huggingface`: k · E · Σ f̄ P̄ with f̄ and P̄ pooled over all layers: coefficient · k / layers. Exact where the layers' loads
 *   are alike; where they differ, opposite imbalances cancel in the pool and not here.
 */
export function convertBalanceCoefficient(coefficient: number, { from, k, layers }: CoefficientConvention): number {
  switch (from) {
    case 'megatron':
      return coefficient
    case 'megablocks':
      return coefficient / layers
    case 'huggingface':
      return (coefficient * k) / layers
    default:
      return from satisfies never
  }
}
