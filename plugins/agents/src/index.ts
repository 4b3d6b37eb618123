// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import { openAiCompatible } from './openai-compatible.ts'

export { openAiCompatible }

/** All of them. */
export const agentModels: readonly Plugin<'agent'>[] = [openAiCompatible]
