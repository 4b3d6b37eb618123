// Modules, the mixture layer, the transformer and generation, and the contracts of routers and experts.
export { Module, type ParameterStore, type StateDict } from './module.ts'
export {
  constant,
  type Initializer,
  kaimingUniform,
  normal,
  ones,
  uniform,
  xavierUniform,
  zeros,
} from './initializers.ts'
export { Linear, type LinearOptions } from './linear.ts'
export { Embedding } from './embedding.ts'
export { createNorm, LayerNorm, type Norm, RmsNorm } from './norm.ts'
export { Attention, type AttentionInput, type AttentionOptions } from './attention.ts'
export {
  FeedForward,
  type FeedForwardActivation,
  feedForwardActivations,
  type FeedForwardOptions,
} from './feed-forward.ts'
export { type CacheOptions, KeyValueCache } from './cache.ts'
export {
  defineRouter,
  type Router,
  type RouterContext,
  type RouterInput,
  type RouterLoss,
  type RouterOutcomes,
  type RouterOutput,
  type Routing,
  type TokenChoice,
} from './router.ts'
export { defineExpert, type ExpertContext, type ExpertInput, type ExpertStack } from './expert.ts'
export { capacityConfig, type CapacityConfig, mixtureConfig, type MixtureConfig } from './mixture-config.ts'
export { Mixture, type MixtureInput, type MixtureOptions, type MixtureOutput } from './mixture.ts'
export {
  balanceLoss,
  convertBalanceCoefficient,
  type CoefficientConvention,
  memberCounts,
  squaredVariation,
  zLoss,
} from './losses.ts'
export { shapeOf, transformerConfig, type TransformerConfig, type TransformerShape } from './transformer-config.ts'
export { transformerCost, type TransformerCost } from './cost.ts'
export { createTransformer, Transformer, type TransformerOptions } from './transformer.ts'
export {
  type ForwardContext,
  type LanguageModel,
  type LanguageModelOutput,
  type RoutingRecord,
} from './language-model.ts'
export { generate, type GeneratedToken, type GenerationOptions, generateStream } from './generation.ts'
export { checkSampling, drawToken, type SamplingOptions, tokenProbabilities } from './sampling.ts'
