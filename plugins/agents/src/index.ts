// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import { mixlab } from './mixlab.ts'

/** All of them. */
export const agentModels: readonly Plugin<'agent'>[] = [mixlab]

export { mixlab } from './mixlab.ts'
export { ownModel, type OwnModelOptions, weightsHash } from './own-model.ts'
