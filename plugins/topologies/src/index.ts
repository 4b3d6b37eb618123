// Topologies: one file each, named by their papers.
import type { Plugin } from '@mixlab/core'
import { archonTopology } from './archon.ts'
import { attentionMoaTopology } from './attention-moa.ts'
import { bestOfNTopology } from './best-of-n.ts'
import { chainOfAgentsTopology } from './chain-of-agents.ts'
import { debateTopology } from './debate.ts'
import { frugalGptTopology } from './frugal-gpt.ts'
import { llmBlenderTopology } from './llm-blender.ts'
import { moaLiteTopology, moaTopology } from './moa.ts'
import { moreAgentsTopology } from './more-agents.ts'
import { rmoaTopology } from './rmoa.ts'
import { routeLlmTopology } from './route-llm.ts'
import { routeMoaTopology } from './route-moa.ts'
import { selfConsistencyTopology } from './self-consistency.ts'
import { selfMoaSeqTopology, selfMoaTopology } from './self-moa.ts'
import { singleTopology } from './single.ts'
import { smoaTopology } from './smoa.ts'
import { treeMoaTopology } from './tree-moa.ts'

export {
  archonTopology,
  attentionMoaTopology,
  bestOfNTopology,
  chainOfAgentsTopology,
  debateTopology,
  frugalGptTopology,
  llmBlenderTopology,
  moaLiteTopology,
  moaTopology,
  moreAgentsTopology,
  rmoaTopology,
  routeLlmTopology,
  routeMoaTopology,
  selfConsistencyTopology,
  selfMoaSeqTopology,
  selfMoaTopology,
  singleTopology,
  smoaTopology,
  treeMoaTopology,
}

/** All of them, for a lab's defaults. */
export const topologies: readonly Plugin<'topology'>[] = [
  singleTopology,
  selfConsistencyTopology,
  moreAgentsTopology,
  bestOfNTopology,
  moaTopology,
  moaLiteTopology,
  selfMoaTopology,
  selfMoaSeqTopology,
  smoaTopology,
  rmoaTopology,
  attentionMoaTopology,
  treeMoaTopology,
  debateTopology,
  llmBlenderTopology,
  frugalGptTopology,
  routeLlmTopology,
  routeMoaTopology,
  chainOfAgentsTopology,
  archonTopology,
]
