// The members that did best on the most similar rows it knows. Nothing is trained: the rows are kept.
//
// Axes: T rows, N known rows, D features, E members, K neighbours.
import { MixlabError } from '@mixlab/core'
import { defineRouter } from '@mixlab/nn'
import { gatherRows, tf, topK } from '@mixlab/tensor'
import { z } from 'zod'
import { checkChoices } from './gate.ts'
import { agentChoicesField, bestPredicted, fromOutcomes } from './predicted-quality.ts'

interface Known {
  readonly x_ND: tf.Variable<tf.Rank.R2>
  /** 0 where unknown. */
  readonly quality_NE: tf.Variable<tf.Rank.R2>
  readonly known_NE: tf.Variable<tf.Rank.R2>
}

const squaredNorms = (x: tf.Tensor2D) => tf.sum(tf.square(x), 1, true)
const unitRows = (x: tf.Tensor2D) => tf.div<tf.Tensor2D>(x, tf.add(tf.sqrt(squaredNorms(x)), 1e-12))

/** Higher is nearer [T, N]; Euclidean distances are compared by −|a − b|² + |a|². */
function similarity(x_TD: tf.Tensor2D, x_ND: tf.Tensor2D, metric: 'cosine' | 'euclidean'): tf.Tensor2D {
  if (metric === 'cosine') return tf.matMul(unitRows(x_TD), unitRows(x_ND), false, true)
  return tf.sub(tf.mul(tf.matMul(x_TD, x_ND, false, true), 2), tf.transpose(squaredNorms(x_ND)))
}

export const nearestNeighboursRouter = defineRouter({
  name: 'nearest-neighbours',
  summary: 'Quality as it was for the most similar rows; learns from outcomes',
  source: 'https://doi.org/10.1109/TIT.1967.1053964',
  traits: fromOutcomes,
  config: z.object({
    k: agentChoicesField,
    neighbours: z.int().min(1).default(40).describe('Similar rows that are asked'),
    metric: z.enum(['cosine', 'euclidean']).default('cosine'),
    prior: z
      .number()
      .positive()
      .default(1)
      .describe('Neighbours that the member’s mean over all known rows counts for, in the prediction’s mean'),
  }),
  create: ({ k, neighbours, metric, prior }, { members, width, store }) => {
    checkChoices('nearest-neighbours', k, members)
    let known: Known | undefined
    const keep = (rows: number, initializer: (name: keyof Known) => Float32Array): Known => {
      const buffer = (name: keyof Known, columns: number) =>
        store.buffer<tf.Rank.R2>(name.split('_')[0]!, [rows, columns], () => initializer(name))
      return {
        x_ND: buffer('x_ND', width),
        quality_NE: buffer('quality_NE', members),
        known_NE: buffer('known_NE', members),
      }
    }
    return {
      choices: k,
      fit: ({ x_TD, quality_TE, known_TE }) => {
        if (known)
          throw new MixlabError(
            'router nearest-neighbours: it has learnt from outcomes before; make a new one of all of them',
          )
        known = tf.tidy(() => {
          const given = { x_ND: x_TD, quality_NE: tf.mul(quality_TE, known_TE), known_NE: known_TE }
          return keep(x_TD.shape[0], (name) => given[name].dataSync<'float32'>()) as never
        })
      },
      restore: (shapes) => {
        const [rows] = shapes.get('x') ?? []
        if (rows) known = keep(rows, (name) => new Float32Array(rows * (name === 'x_ND' ? width : members)))
      },
      route: ({ x_TD }) => {
        if (!known)
          throw new MixlabError(
            'router nearest-neighbours: it knows no outcomes yet; train it on some (it is for agents, not for experts)',
          )
        const { x_ND, quality_NE, known_NE } = known
        const [rows, asked] = [x_TD.shape[0], Math.min(neighbours, x_ND.shape[0])]
        const nearest = topK(similarity(x_TD, x_ND, metric), asked).indices.reshape<tf.Tensor1D>([rows * asked])
        const summed = (of_NE: tf.Tensor2D) => tf.sum(gatherRows(of_NE, nearest).reshape([rows, asked, members]), 1)
        const mean_E = tf.div(tf.sum(quality_NE, 0), tf.maximum(tf.sum(known_NE, 0), 1))
        const quality = tf.div(
          tf.add(summed(quality_NE), tf.mul(mean_E, prior)),
          tf.add(summed(known_NE), prior),
        ) as tf.Tensor2D
        const inside = tf.clipByValue(quality, 1e-6, 1 - 1e-6)
        return bestPredicted(tf.log(tf.div(inside, tf.sub(1, inside))), k)
      },
    }
  },
})
