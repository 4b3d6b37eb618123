// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import { mixlab } from './mixlab.ts'
import { openAiCompatible } from './openai-compatible.ts'

export { mixlab, openAiCompatible }
export { ownModel, type OwnModelOptions, weightsHash } from './own-model.ts'

/** All of them. */
export const agentModels: readonly Plugin<'agent'>[] = [openAiCompatible, mixlab]
