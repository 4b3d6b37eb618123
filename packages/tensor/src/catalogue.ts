// Every fused operation. A backend runs its own kernel where it has registered one, and the reference elsewhere.
import type { CatalogueEntry } from './operation.ts'
import { activationGradOperation, activationOperation } from './ops/activation.ts'
import { adamWOperation } from './ops/adam-w.ts'
import { addIntoOperation } from './ops/add-into.ts'
import { appendRowsOperation } from './ops/append-rows.ts'
import { attentionGradOperation, attentionOperation } from './ops/attention.ts'
import { cachedAttentionOperation } from './ops/cached-attention.ts'
import { capacityOperation } from './ops/capacity.ts'
import { combineGradOperation, combineOperation } from './ops/combine.ts'
import { crossEntropyGradOperation, crossEntropyOperation } from './ops/cross-entropy.ts'
import { dispatchOperation } from './ops/dispatch.ts'
import { dropoutOperation } from './ops/dropout.ts'
import { emaOperation } from './ops/ema.ts'
import { gatedUnitGradOperation, gatedUnitOperation } from './ops/gated-unit.ts'
import { gatherColumnsOperation, scatterColumnsOperation } from './ops/gather-columns.ts'
import { gatherRowsOperation, scatterAddRowsOperation } from './ops/gather-rows.ts'
import { globalNormOperation } from './ops/global-norm.ts'
import { groupedGatedExpertsGradOperation, groupedGatedExpertsOperation } from './ops/grouped-gated-experts.ts'
import {
  groupedMatMulGradOperation,
  groupedMatMulGradWOperation,
  groupedMatMulOperation,
} from './ops/grouped-matmul.ts'
import { addLinearOperation, gatedLinearOperation, jointLinearOperation } from './ops/joint-linear.ts'
import { jointLinearGradOperation } from './ops/joint-linear-grad.ts'
import { layerNormGradOperation, layerNormOperation } from './ops/layer-norm.ts'
import { matMulGradOperation } from './ops/matmul-grad.ts'
import { randomUniformOperation } from './ops/random-uniform.ts'
import { rmsNormGradOperation, rmsNormOperation } from './ops/rms-norm.ts'
import { rotaryOperation } from './ops/rotary.ts'
import { sgdOperation } from './ops/sgd.ts'
import { topKOperation } from './ops/top-k.ts'
import { tf } from './tf.ts'

export const catalogue: readonly CatalogueEntry[] = [
  rmsNormOperation,
  rmsNormGradOperation,
  layerNormOperation,
  layerNormGradOperation,
  rotaryOperation,
  attentionOperation,
  attentionGradOperation,
  cachedAttentionOperation,
  matMulGradOperation,
  jointLinearOperation,
  jointLinearGradOperation,
  gatedLinearOperation,
  addLinearOperation,
  gatedUnitOperation,
  gatedUnitGradOperation,
  activationOperation,
  activationGradOperation,
  crossEntropyOperation,
  crossEntropyGradOperation,
  gatherRowsOperation,
  scatterAddRowsOperation,
  topKOperation,
  gatherColumnsOperation,
  scatterColumnsOperation,
  dispatchOperation,
  capacityOperation,
  groupedMatMulOperation,
  groupedMatMulGradOperation,
  groupedMatMulGradWOperation,
  groupedGatedExpertsOperation,
  groupedGatedExpertsGradOperation,
  combineOperation,
  combineGradOperation,
  dropoutOperation,
  randomUniformOperation,
  appendRowsOperation,
  adamWOperation,
  sgdOperation,
  globalNormOperation,
  emaOperation,
  addIntoOperation,
]

/** Registers the reference of every operation that the backend has no kernel for; returns their kernel names. */
export function installReferences(backendName: string): string[] {
  const missing = catalogue.filter(({ kernelName }) => !tf.getKernel(kernelName, backendName))
  for (const { kernelName, kernelFunc } of missing) tf.registerKernel({ kernelName, backendName, kernelFunc })
  return missing.map(({ kernelName }) => kernelName)
}
