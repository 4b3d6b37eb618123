// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import { aiSdk } from './ai-sdk.ts'
import { openAiCompatible } from './openai-compatible.ts'
import { scripted } from './scripted.ts'

export { aiSdk, openAiCompatible, scripted }
export { aiSdkModel, type AiSdkModelOptions } from './ai-sdk-model.ts'
export { type AiSdkLanguageModel } from './ai-sdk-types.ts'
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
export const agentModels: readonly Plugin<'agent'>[] = [openAiCompatible, aiSdk, scripted]
