// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import { llamaCpp } from './llama-cpp.ts'
import { mixlab } from './mixlab.ts'

/** All of them. */
export const agentModels: readonly Plugin<'agent'>[] = [llamaCpp, mixlab]

export { llamaCpp } from './llama-cpp.ts'
export { mixlab } from './mixlab.ts'
export { ownModel, type OwnModelOptions, weightsHash } from './own-model.ts'
