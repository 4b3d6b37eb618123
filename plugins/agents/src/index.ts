// Chat models: one file each.
import type { Plugin } from '@mixlab/core'
import type {} from '@mixlab/agents'

/** All of them. */
export const agentModels: readonly Plugin<'agent'>[] = []
