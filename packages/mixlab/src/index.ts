// What an experiment script imports, from one place; re-exports, nothing else. Fused tensor operations are under `ops`,
// everything of TensorFlow.js under `tf`, configuration schemas under `z`.
export { z } from 'zod'
export { tf } from '@mixlab/tensor'
export * as ops from '@mixlab/tensor'

// Experiments.
export { defineExperiment, type Experiment, openRun, readEvents, runExperiment, type RunRecord } from '@mixlab/lab'
export { interrupted, MixlabError, type RandomStream, type RunContext, type RunEvent, withDefaults } from '@mixlab/core'

// Plugins of one's own.
export {
  definePlugin,
  type Plugin,
  pluginHelper,
  type PluginReference,
  pluginReference,
  splitReference,
  token,
} from '@mixlab/core'
export {
  type Binder,
  EMIT,
  ENGINE,
  EVENTS,
  type EventSink,
  type LabModule,
  PLUGIN,
  PLUGINS,
  RNG,
  RUN_DIRECTORY,
  SEED,
  SIGNAL,
  SINK,
} from '@mixlab/lab'
export {
  balanceLoss,
  defineExpert,
  defineRouter,
  type ExpertStack,
  type Router,
  type RouterInput,
  type RouterOutput,
  zLoss,
} from '@mixlab/nn'
export { defineTracker, type TrackedRun, type Tracker } from '@mixlab/tracking'
export { defineEvaluator, type EvaluationInput, type EvaluationResult, type Evaluator } from '@mixlab/training'

// Models, data, training.
export {
  createTransformer,
  generate,
  generateStream,
  type LanguageModel,
  Module,
  transformerConfig,
  type TransformerConfig,
  transformerCost,
} from '@mixlab/nn'
export { type Corpus, corpusConfig, type CorpusConfig, loadCorpus } from '@mixlab/data'
export { evaluate, train, trainingConfig, type TrainingConfig, type TrainingResult } from '@mixlab/training'

// Sweeps.
export { defineSweep } from '@mixlab/sweeps'
export {
  choice,
  createStudy,
  defineExecutor,
  defineSampler,
  defineStopper,
  type Executor,
  float,
  integer,
  openStudy,
  permutation,
  type Sampler,
  type Stopper,
  type Study,
  type Trial,
  when,
} from '@mixlab/studies'

// Mixtures of agents: chat models, topologies, answering a data set. What topologies are composed of is under `moa`.
export * as moa from '@mixlab/agents'
export {
  type Agent,
  type AgentRouter,
  agentsConfig,
  type AnswersSummary,
  answerQuestions,
  callingConfig,
  type ChatModel,
  defineAgent,
  defineGrader,
  defineTopology,
  type Grader,
  type MixtureConfig,
  mixtureConfig,
  planTopology,
  type Question,
  questionFileConfig,
  type QuestionResult,
  readQuestions,
  type Topology,
} from '@mixlab/agents'
export { aiSdkModel, loadModel, ownModel, scriptedAnswers, scriptedModel } from '@mixlab/agent-models'
export { armOf, compareArms, compareMixtures, judgePairs } from '@mixlab/agent-evaluation'
export { agentRouter, createMessageRouter, featuresConfig, fitFeatures, trainRouter } from '@mixlab/agent-routing'
