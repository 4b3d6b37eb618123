// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import { openAiCompatible } from './openai-compatible.ts'
import { scripted } from './scripted.ts'

export { openAiCompatible, scripted }
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
export const agentModels: readonly Plugin<'agent'>[] = [openAiCompatible, scripted]
