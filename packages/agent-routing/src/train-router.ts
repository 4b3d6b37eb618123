// Training on outcomes. Routers that predict quality learn by cross-entropy with it; those of the mixture layer, which have
// only probabilities of members, by the expected reward under them; both with their own losses (balance, z, penalty) on top.
// Those that learn without gradients are given everything at once.
//
// Axes: T questions of a batch, N of the training part, D features, E members.
import { MixlabError, parseConfiguration, type RandomStream } from '@mixlab/core'
import { memberCounts, type RouterOutcomes, type RouterOutput } from '@mixlab/nn'
import { gatherRows, tf, valueAndGradients } from '@mixlab/tensor'
import { createOptimizer, learningRateAt, optimizerConfig, scheduleConfig } from '@mixlab/training'
import { z } from 'zod'
import type { MessageRouter } from './message-router.ts'
import type { Outcomes } from './outcomes.ts'
import { identityOf } from './splits.ts'

export const routerTrainingConfig = z.strictObject({
  passes: z.int().min(1).default(30).describe('Over the questions'),
  batchSize: z.int().min(1).default(128).describe('Questions of a step'),
  learningRate: z.number().positive().default(0.01),
  schedule: scheduleConfig.prefault({ minimum: 0 }),
  optimizer: optimizerConfig.prefault({ weightDecay: 0.1 }),
  reward: z
    .enum(['quality', 'above-mean'])
    .default('quality')
    .describe('Expected reward only: the outcome itself, or how far it is above the member’s mean'),
  tradeoff: z.number().min(0).default(0).describe('Expected reward only: what a unit of cost takes from it (λ)'),
  costs: z.array(z.number().min(0)).optional().describe('Of one answer of each member, in any unit'),
})
export type RouterTrainingConfig = z.output<typeof routerTrainingConfig>

export interface RouterTraining {
  /** 0 for routers that learn without gradients, or not at all. */
  readonly steps: number
  /** Of the last step's batch; absent without steps. */
  readonly loss?: number
}

function tensorsOf(router: MessageRouter, { questions, quality }: Outcomes): RouterOutcomes {
  const flat = quality.flat()
  const shape: [number, number] = [questions.length, router.members.length]
  return {
    x_TD: router.read(questions),
    quality_TE: tf.tensor2d(
      flat.map((value) => value ?? 0),
      shape,
    ),
    known_TE: tf.tensor2d(
      flat.map((value) => Number(value !== null)),
      shape,
    ),
  }
}

const meanOver = (values: tf.Tensor, known: tf.Tensor): tf.Scalar =>
  tf.div(tf.sum(tf.mul(values, known)), tf.maximum(tf.sum(known), 1))

/** softplus(z) − y·z, the cross-entropy of σ(z) with y, mean over what is known. */
const crossEntropy = (logits_TE: tf.Tensor2D, { quality_TE, known_TE }: Omit<RouterOutcomes, 'x_TD'>): tf.Scalar =>
  meanOver(tf.sub(tf.softplus(logits_TE), tf.mul(quality_TE, logits_TE)), known_TE)

/** − Σ_e p_e (r_e − mean r of the question), mean over questions; a member whose reward is unknown is worth the mean. */
function expectedLoss(scores_TE: tf.Tensor2D, reward_TE: tf.Tensor2D, known_TE: tf.Tensor2D): tf.Scalar {
  const p_TE = tf.div(scores_TE, tf.sum(scores_TE, 1, true))
  const mean_T = tf.div(tf.sum(tf.mul(reward_TE, known_TE), 1, true), tf.maximum(tf.sum(known_TE, 1, true), 1))
  const advantage_TE = tf.mul(tf.sub(reward_TE, mean_T), known_TE)
  return tf.neg(tf.mean(tf.sum(tf.mul(p_TE, advantage_TE), 1)))
}

function lossOf(output: RouterOutput, outcomes: Omit<RouterOutcomes, 'x_TD'>, reward_TE: tf.Tensor2D): tf.Scalar {
  const { quality_TE, scores_TE } = output
  const main = quality_TE ? crossEntropy(quality_TE, outcomes) : expectedLoss(scores_TE!, reward_TE, outcomes.known_TE)
  return Object.values(output.losses).reduce<tf.Scalar>(
    (sum, { value, coefficient }) => tf.add(sum, tf.mul(value, coefficient)),
    main,
  )
}

/** Rewards of all members [N, E]: outcomes less the cost, from the member's mean if so configured. */
function rewardsOf(
  { quality_TE, known_TE }: RouterOutcomes,
  { reward, tradeoff, costs }: RouterTrainingConfig,
): tf.Tensor2D {
  if (reward === 'above-mean') {
    const mean_E = tf.div(tf.sum(tf.mul(quality_TE, known_TE), 0), tf.maximum(tf.sum(known_TE, 0), 1))
    return tf.sub(quality_TE, mean_E)
  }
  return costs ? tf.sub(quality_TE, tf.mul(tf.tensor1d(costs), tradeoff)) : quality_TE
}

function checkTraining(router: MessageRouter, outcomes: Outcomes, config: RouterTrainingConfig): void {
  const { members } = router
  if (outcomes.members.join('\n') !== members.join('\n'))
    throw new MixlabError(
      `router ${router.name}: the outcomes are of ${outcomes.members.join(', ')}, but it routes to ${members.join(', ')}; give outcomes of the same agents in the same order`,
    )
  if (outcomes.questions.length === 0)
    throw new MixlabError(
      `router ${router.name}: there is nothing to learn from; give at least one question's outcomes`,
    )
  if (config.costs && config.costs.length !== members.length)
    throw new MixlabError(
      `training.costs has ${config.costs.length} numbers, expected one for each of ${members.length} agents`,
    )
  if (config.tradeoff > 0 && !config.costs)
    throw new MixlabError('training.tradeoff is set without training.costs; give the cost of an answer of each agent')
}

/** Row indices of a step's batch: in each pass every question once, in an order of its own (the last few may miss it). */
function batchIndices(rows: number, size: number, rng: RandomStream) {
  const perPass = Math.max(1, Math.floor(rows / size))
  let [pass, order]: [number, readonly number[]] = [-1, []]
  const at = (step: number): Int32Array => {
    if (Math.floor(step / perPass) !== pass) {
      pass = Math.floor(step / perPass)
      order = rng.at(pass).shuffled(Array.from({ length: rows }, (_, row) => row))
    }
    const from = (step % perPass) * size
    return Int32Array.from(order.slice(from, from + size))
  }
  return { perPass, at }
}

/**
 * Trains a router in place; it remembers the questions.
 * @throws MixlabError when the outcomes are of other agents or empty, or the loss is not finite
 */
export function trainRouter(
  router: MessageRouter,
  outcomes: Outcomes,
  { config: given = {}, rng }: { readonly config?: z.input<typeof routerTrainingConfig>; readonly rng: RandomStream },
): RouterTraining {
  const config = parseConfiguration(routerTrainingConfig, given, 'training')
  checkTraining(router, outcomes, config)
  for (const question of outcomes.questions) router.seen.add(identityOf(question))
  const parameters = router.gate.parameters()
  if (router.router.fit) {
    tf.tidy(() => router.router.fit?.(tensorsOf(router, outcomes)))
    return { steps: 0 }
  }
  if (parameters.size === 0) return { steps: 0 }

  using optimizer = createOptimizer(config.optimizer, parameters)
  const variables = [...parameters.values()]
  const names = [...parameters.keys()]
  const batches = batchIndices(outcomes.questions.length, config.batchSize, rng.stream('batches'))
  const steps = config.passes * batches.perPass
  let loss = Number.NaN
  tf.tidy(() => {
    const all = tensorsOf(router, outcomes)
    const rewards_NE = rewardsOf(all, config)
    for (let step = 0; step < steps; step++) {
      const rows = batches.at(step)
      const questions = Array.from(rows, (row) => outcomes.questions[row]!)
      const last = step + 1 === steps
      const value = tf.tidy(() => {
        const rows_T = tf.tensor1d(rows, 'int32')
        const some = (of: tf.Tensor2D) => gatherRows(of, rows_T)
        const input = router.inputOf(some(all.x_TD), questions, { training: true, step })
        const targets = { quality_TE: some(all.quality_TE), known_TE: some(all.known_TE) }
        const reward_TE = some(rewards_NE)
        let counts_E: tf.Tensor1D | undefined
        const found = valueAndGradients(() => {
          const output = router.router.route(input)
          if (router.router.afterStep && 'members_Tk' in output)
            counts_E = tf.keep(memberCounts(output.members_Tk, router.members.length))
          return lossOf(output, targets, reward_TE)
        }, variables)
        const gradients = new Map(names.flatMap((name, i) => (found.gradients[i] ? [[name, found.gradients[i]]] : [])))
        const learningRate = learningRateAt(config.schedule, config.learningRate, step, steps)
        optimizer.apply({ gradients, learningRate, step: step + 1 })
        if (counts_E) router.router.afterStep?.(counts_E)
        counts_E?.dispose()
        return last ? found.value.dataSync()[0]! : undefined
      })
      loss = value ?? loss
    }
  })
  if (!Number.isFinite(loss))
    throw new MixlabError(
      `router ${router.name}: the loss is ${loss} after ${steps} steps; lower training.learningRate`,
    )
  return { steps, loss }
}
