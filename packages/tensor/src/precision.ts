// In what precision matrix products are computed: a policy, in force within a scope, as autocast is in PyTorch. An engine
// is told when it is started where its product kernels can ask for it, so TensorFlow.js's own `matMul` follows it as fused
// operations do. Gradients taken with `valueAndGradients` are computed in the precision in which their operation was
// recorded; those of `tf.grads`, whose tape is not ours, in the one that surrounds them.
//
// Whatever the policy: parameters, gradients, activations and optimizer state are float32, and so are sums, norms,
// softmax, attention's scores and losses. Routers always choose in float32 (nn's mixture layer sees to that).
import { AsyncLocalStorage } from 'node:async_hooks'
import { MixlabError, suggest } from '@mixlab/core'

/** Plain data; an engine lists the names of those it has. */
export interface Precision {
  readonly name: PrecisionName
  /** What both operands of a matrix product are rounded to. Their products are summed in float32. */
  readonly products: 'float32' | 'bfloat16'
}

export const precisionNames = ['float32', 'bf16'] as const
export type PrecisionName = (typeof precisionNames)[number]

const precisions: Readonly<Record<PrecisionName, Precision>> = {
  float32: { name: 'float32', products: 'float32' },
  bf16: { name: 'bf16', products: 'bfloat16' },
}

const scope = new AsyncLocalStorage<Precision>()

/** @throws MixlabError on a name that is not one of `precisionNames`, with near misses. */
export function precisionOf(name: string): Precision {
  const known = precisionNames.find((candidate) => candidate === name)
  if (known) return precisions[known]
  throw new MixlabError(`Unknown precision ${JSON.stringify(name)}.${suggest(name, precisionNames)}`, {
    code: 'unknown-precision',
  })
}

/** The policy in force here; float32 outside of any scope. */
export const currentPrecision = (): Precision => scope.getStore() ?? precisions.float32

/**
 * Runs `body` under a policy, what it awaits included. The innermost scope wins.
 * @throws MixlabError on an unknown name.
 */
export function withPrecision<R>(precision: Precision | string, body: () => R): R {
  const policy = typeof precision === 'string' ? precisionOf(precision) : precision
  return policy === currentPrecision() ? body() : scope.run(policy, body)
}
