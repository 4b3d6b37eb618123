// Chat models: one file each.
import type { Plugin, PluginTable } from '@mixlab/core'
import { aiSdk } from './ai-sdk.ts'
import { llamaCpp } from './llama-cpp.ts'
import { mixlab } from './mixlab.ts'
import type { LoadedModel } from './model-folder.ts'
import { openAiCompatible } from './openai-compatible.ts'
import { scripted } from './scripted.ts'

export { aiSdk, llamaCpp, mixlab, openAiCompatible, scripted }
export { aiSdkModel, type AiSdkModelOptions } from './ai-sdk-model.ts'
export { type AiSdkLanguageModel } from './ai-sdk-types.ts'
export type { LoadedModel } from './model-folder.ts'
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
export const agentModels: readonly Plugin<'agent'>[] = [openAiCompatible, aiSdk, llamaCpp, mixlab, scripted]

/**
 * The model in a folder, on the running engine; the caller disposes of it.
 * @throws MixlabError if a file is missing or corrupt, or the model is of a family that cannot be made here
 */
export async function loadModel(
  path: string,
  options: { readonly tokenizer?: string; readonly plugins: PluginTable },
): Promise<LoadedModel> {
  const folder = await import('./model-folder.ts')
  return folder.loadModel(path, options)
}
