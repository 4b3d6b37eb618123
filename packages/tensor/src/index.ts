// TensorFlow.js with all its gradients, the engines that run it, and the fused operations that mixtures and language
// models need.
import './failed-gradients.ts'
import './kernel-calls.ts'
import './more-gradients.ts'
import './tape-gradients.ts'
import './tensor-infos.ts'

export { tf } from './tf.ts'
export type { Availability, Engine, EngineContext, Repeated, RunningEngine } from './engine.ts'
export {
  activeEngine,
  type EngineRegistration,
  engineNames,
  probeEngines,
  registerEngine,
  useEngine,
} from './engines.ts'
export { catalogue, installReferences } from './catalogue.ts'
export type { CatalogueEntry } from './operation.ts'
export {
  currentPrecision,
  type Precision,
  type PrecisionName,
  precisionNames,
  precisionOf,
  withPrecision,
} from './precision.ts'
export { isTaping, untaped } from './tape.ts'
export { type ValueAndGradients, valueAndGradients } from './value-and-gradients.ts'
export { elementsInPlace, writeInPlace } from './in-place.ts'

export type { ActivationName, GateActivation } from './activation-functions.ts'
export { activation, gelu, relu2, silu } from './ops/activation.ts'
export { adamW, type AdamWStep } from './ops/adam-w.ts'
export { addInto } from './ops/add-into.ts'
export { appendRows } from './ops/append-rows.ts'
export { attention, type AttentionOptions } from './ops/attention.ts'
export { cachedAttention, type CachedAttentionOptions } from './ops/cached-attention.ts'
export { applyCapacity, type CapacityPolicy } from './ops/capacity.ts'
export { combine } from './ops/combine.ts'
export { type CrossEntropy, crossEntropy } from './ops/cross-entropy.ts'
export { type Dispatch, dispatch } from './ops/dispatch.ts'
export { dropout } from './ops/dropout.ts'
export { ema } from './ops/ema.ts'
export { gatedUnit, geglu, swiglu } from './ops/gated-unit.ts'
export { gatherColumns, scatterColumns } from './ops/gather-columns.ts'
export { embedding, gatherRows, scatterAddRows } from './ops/gather-rows.ts'
export { clipScale, globalNorm } from './ops/global-norm.ts'
export { groupedGatedExperts } from './ops/grouped-gated-experts.ts'
export { groupedMatMul } from './ops/grouped-matmul.ts'
export { addLinear, gatedLinear, jointLinear } from './ops/joint-linear.ts'
export { layerNorm } from './ops/layer-norm.ts'
export { linear } from './ops/linear.ts'
export { type Draw, randomUniform } from './ops/random-uniform.ts'
export { rmsNorm } from './ops/rms-norm.ts'
export { rotary, type RotaryTables } from './ops/rotary.ts'
export {
  linearScaling,
  llama3Scaling,
  type RotaryScaling,
  rotaryTables,
  type RotaryTablesOptions,
  yarnScaling,
} from './ops/rotary-tables.ts'
export { sgd, type SgdStep } from './ops/sgd.ts'
export { type TopK, topK } from './ops/top-k.ts'
