// Mixtures whose members are language models: chat models, topologies, the scheduler, record and replay, cost.
import './events.ts'

export {
  type Agent,
  type AgentConfig,
  agentConfig,
  type AgentContext,
  agentsConfig,
  defineAgent,
  type Limits,
  limitsConfig,
  type Price,
  priceConfig,
  type Secrets,
  secretsFrom,
} from './agent.ts'
export { type AgentRouter, type RouteChoice, type RouteInput } from './agent-router.ts'
export { type Call, type CallAgent, type CallOutcome, type CallRecord, type CallTiming } from './call.ts'
export { ChatFailure, type ChatFailureOptions, type FailureKind, failureKinds } from './chat-failure.ts'
export {
  type ChatChunk,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type FinishReason,
  type GenerateOptions,
  type Message,
  type RateLimits,
  type TokenLogProbability,
  type Usage,
} from './chat-model.ts'
export { type Cost } from './cost.ts'
export { defineGrader, type Grade, type Grader, type GraderInput, type QuestionGrades } from './grader.ts'
export { type Question } from './question.ts'
export {
  type Answer,
  type CallSummary,
  type Missing,
  type QuestionResult,
  type StepOutput,
  type StepResult,
} from './result.ts'
export {
  defineTopology,
  type LayerPolicy,
  type PlanContext,
  type PlannedCalls,
  type Step,
  type StepCall,
  type StepContext,
  type StepKind,
  stepKinds,
  type StepPlan,
  type Topology,
  type TopologyContext,
} from './topology.ts'
export {
  hashQuestions,
  type QuestionFileConfig,
  questionFileConfig,
  type QuestionSet,
  questionSet,
  readQuestions,
} from './question-file.ts'

// Topologies: composing, checking, planning and running them.
export { type AgentSettings, agentRequest, DEFAULT_MAX_TOKENS } from './agent-request.ts'
export { answerQuestion, type QuestionOptions } from './answer-question.ts'
export {
  beside,
  endsOf,
  idAt,
  idsOf,
  type Part,
  type Place,
  repeat,
  sequence,
  topology,
  withPolicy,
} from './compose.ts'
export { type Drawable, type DrawnStep } from './draw-groups.ts'
export { drawSvg, type DrawSvgOptions } from './draw-svg.ts'
export { drawText, type DrawTextOptions } from './draw-text.ts'
export { type Bound, longestQuestion, type PlanOptions, planTopology, type TopologyPlan } from './plan-topology.ts'
export { numbered, questionMessages, questionText, synthesisMessages, synthesisPrompt } from './prompts.ts'
export { type AgentIdentity, sampleOrdinals } from './sample-ordinals.ts'
export { cumulativeBleu, bleu } from './bleu.ts'
export { agreement, diverseSubset, lexicalVector, similarity } from './lexical-similarity.ts'
export { bracketedNumber, jsonObject, lastBracketed } from './read-reply.ts'
export { aggregate, type AggregateOptions } from './steps/aggregate.ts'
export {
  answered,
  answerOf,
  answersOf,
  answersPlanned,
  answersSeen,
  oneReply,
  plannedCalls,
  replyOf,
  type ReplySettings,
  replySettings,
} from './steps/ask.ts'
export { aggregateByBest, assess } from './steps/assess.ts'
export { cascade, type CascadeScorer, type CascadeTier, tokenConfidence } from './steps/cascade.ts'
export { chain, splitQuery, textParts } from './steps/chain.ts'
export { attentionLayers, type AttentionOptions } from './steps/attention.ts'
export { critique, type CritiqueOptions } from './steps/critique.ts'
export { debate } from './steps/debate.ts'
export { gated, hasEnded, rounds, unlessEnded } from './steps/ending.ts'
export { moderate } from './steps/moderate.ts'
export { pairScores, rank } from './steps/rank.ts'
export { refine } from './steps/refine.ts'
export { residualLayers, type ResidualOptions } from './steps/residual.ts'
export { route, type RouteOptions } from './steps/route.ts'
export { choose, select, selectDiverse, selectTypical } from './steps/select.ts'
export { synthesiseInWindows } from './steps/synthesise-in-windows.ts'
export { tree, type TreeOptions } from './steps/tree.ts'
export { verify } from './steps/verify.ts'
export { propose, type ProposeOptions, sample } from './steps/propose.ts'
export { tally, type Tally, vote, voted } from './steps/vote.ts'
export { stepsInOrder } from './topology-order.ts'
export { validateTopology } from './validate-topology.ts'

// The caller: scheduler, record and replay, cost.
export { Caller, type CallerTotals, createCaller } from './caller.ts'
export { type CallerOptions, type NamedAgent } from './caller-options.ts'
export { type CallingConfig, callingConfig, type Retries, type Timeouts } from './calling-config.ts'
export { type Amount } from './budget.ts'
export { callKey, canonicalRequest } from './call-key.ts'
export { type Clock, systemClock } from './clock.ts'
export { type Piece, piecesOf, type RecordedPieces } from './pieces.ts'
export { listPrices, loadPrices, priceFile, type Prices } from './prices.ts'
export { type RecordedCall } from './recorded-call.ts'
export { Recording, type RecordingOptions } from './recording.ts'
export { scrub } from './scrub.ts'
export {
  addCosts,
  type CountTokens,
  estimateTokens,
  mostPromptTokens,
  noCost,
  promptTokens,
  replyCost,
  usageCost,
} from './usage-cost.ts'

// A data set answered by a mixture, as a run.
export { readGrades } from './read-grades.ts'
export { type AnswerOptions, answerQuestions, type AnswerRun } from './answer-questions.ts'
export { type AnswersSummary, type GraderSummary } from './answer-statistics.ts'
export { type MixtureConfig, mixtureConfig } from './mixture-config.ts'
