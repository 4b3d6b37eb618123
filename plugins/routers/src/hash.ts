// Members are fixed by the token's id (Roller et al. 2021, hash layers): nothing is learned about routing, and each member
// owns an equal share of the vocabulary. The table is part of the state, so that a checkpoint carries it.
import { defineRouter } from '@mixlab/nn'
import { gatherRows, tf } from '@mixlab/tensor'
import type { RandomStream } from '@mixlab/core'
import { z } from 'zod'
import { checkChoices } from './gate.ts'

/** members[id · k + j]: the first choices deal the shuffled vocabulary out evenly, the others are drawn from the rest. */
function hashTable(vocabulary: number, members: number, k: number, rng: RandomStream): Float32Array {
  const table = new Float32Array(vocabulary * k)
  const all = Array.from({ length: members }, (_, member) => member)
  for (const [rank, id] of rng.shuffled(Array.from({ length: vocabulary }, (_, token) => token)).entries()) {
    const first = rank % members
    const others = k > 1 ? rng.shuffled(all.filter((member) => member !== first)) : []
    table.set([first, ...others.slice(0, k - 1)], id * k)
  }
  return table
}

export const hashRouter = defineRouter({
  name: 'hash',
  summary: 'Members fixed by the token’s id; nothing is learned about routing',
  source: 'https://arxiv.org/abs/2106.04426',
  config: z.object({ k: z.int().min(1).default(1).describe('Members a token goes to, with equal weights') }),
  create: ({ k }, { members, vocabulary, store }) => {
    checkChoices('hash', k, members)
    const table = store.buffer<tf.Rank.R2>('table', [vocabulary, k], (_, rng) => hashTable(vocabulary, members, k, rng))
    return {
      choices: k,
      route: ({ tokens_T }) => ({
        members_Tk: tf.cast(gatherRows(table, tokens_T), 'int32'),
        weights_Tk: tf.fill([tokens_T.shape[0], k], 1 / k),
        losses: {},
      }),
    }
  },
})
