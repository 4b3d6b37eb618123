// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import { llamaCpp } from './llama-cpp.ts'
import { mixlab } from './mixlab.ts'
import { openAiCompatible } from './openai-compatible.ts'
import { scripted } from './scripted.ts'

export { llamaCpp, mixlab, openAiCompatible, scripted }
export { ownModel, type OwnModelOptions, weightsHash } from './own-model.ts'
export { scriptedAnswers, type ScriptedAnswersOptions } from './scripted-answers.ts'
export {
  type Duration,
  type ScriptedDraws,
  scriptedModel,
  type ScriptedModelOptions,
  type ScriptedText,
  scriptedTokens,
} from './scripted-model.ts'

/** All of them. */
export const agentModels: readonly Plugin<'agent'>[] = [openAiCompatible, scripted, mixlab, llamaCpp]
