// Cheap agents first; the next one is asked only where a scorer is not satisfied (FrugalGPT, arXiv 2305.05176). An answer that
// satisfies ends the cascade and is passed on; the last tier's answer stands. A tier that fails is one that did not satisfy.
//
// Scorers: `agreement`, the share of the largest group among several samples of the tier (of those that could be parsed and
// those that could not); `log-probability`, the geometric mean of the tokens' probabilities; `verifier`, the mark of an agent.
import { idAt, idsOf, type Part, sequence } from '../compose.ts'
import { questionMessages, questionText, systemMessage } from '../prompts.ts'
import { bracketedNumber } from '../read-reply.ts'
import type { Answer, StepOutput } from '../result.ts'
import type { Step, StepContext } from '../topology.ts'
import {
  answered,
  answerOf,
  answersOf,
  answersPlanned,
  answersSeen,
  plannedCalls,
  type ReplySettings,
  replySettings,
} from './ask.ts'
import { rounds } from './ending.ts'
import { tally, voted } from './vote.ts'

export type CascadeScorer =
  | { readonly by: 'agreement'; readonly samples: number }
  | { readonly by: 'log-probability' }
  | { readonly by: 'verifier'; readonly verifier: string }

export interface CascadeTier {
  readonly agent: string
  /** From 0 to 1: an answer of at least this confidence is final. Of the last tier every answer is. */
  readonly threshold: number
}

export const verifierPrompt = `An answer to a question is given. Decide how likely it is to be right. Check it step by step, then end with a percentage in double brackets, e.g. [[80]].`

/** exp of the mean log-probability of the reply's tokens; undefined where the provider gave none. */
export function tokenConfidence(
  logProbabilities: readonly { readonly logProbability: number }[] | undefined,
): number | undefined {
  if (logProbabilities === undefined || logProbabilities.length === 0) return undefined
  return Math.exp(
    logProbabilities.reduce((sum, { logProbability }) => sum + logProbability, 0) / logProbabilities.length,
  )
}

/** An answer with its confidence; without one it is not enough. */
const judged = (
  answer: Answer | undefined,
  confidence: number | undefined,
  threshold: number,
  more: object = {},
): StepOutput => ({
  answers: answer === undefined ? [] : [{ ...answer, ...(confidence !== undefined && { score: confidence }) }],
  decision: {
    ...more,
    confidence: confidence ?? null,
    threshold,
    end: confidence !== undefined && confidence >= threshold,
  },
})

interface Attempt extends ReplySettings {
  readonly tier: CascadeTier
  readonly scorer: CascadeScorer
  readonly last: boolean
  /** Samples of the same agent in earlier tiers: this one takes others. */
  readonly earlier: number
}

/** Asks a tier. */
const attempt =
  ({ tier, scorer, last, earlier, ...settings }: Attempt): Part =>
  ({ layer, before }) => {
    const { agent, threshold } = tier
    const samples = scorer.by === 'agreement' && !last ? scorer.samples : 1
    const ask = ({ question, call }: StepContext, logProbabilities = false) =>
      Promise.all(
        Array.from({ length: samples }, (_, sample) =>
          call({
            agent,
            messages: questionMessages(question, settings.system),
            sample: earlier + sample,
            ...(logProbabilities && { logProbabilities: 0 }),
            ...replySettings(settings),
          }),
        ),
      )
    return [
      {
        id: idAt(layer, 'tier'),
        kind: 'cascade',
        layer,
        agents: Array.from({ length: samples }, () => agent),
        mayFail: !last,
        from: idsOf(before),
        plan(context) {
          const call = plannedCalls(context, agent, { ...settings, max: samples })
          return { calls: [call], answers: { count: 1, tokens: call.outputTokens } }
        },
        async run(context) {
          if (last || scorer.by === 'verifier') return { answers: answersOf(await ask(context)) }
          if (scorer.by === 'agreement') {
            const answers = answersOf(await ask(context))
            if (answers.length === 0) return judged(undefined, undefined, threshold)
            const counted = tally(answers, context.parse)
            // A sample that failed agrees with nobody.
            const { answers: winner, decision } = voted(counted)
            return judged(winner[0], (counted.share * answers.length) / samples, threshold, decision)
          }
          const [outcome] = await ask(context, true)
          if (outcome === undefined || !answered(outcome)) return judged(undefined, undefined, threshold)
          return judged(answerOf(outcome), tokenConfidence(outcome.reply.logProbabilities), threshold)
        },
      } satisfies Step,
    ]
  }

/** Asks the verifier about a tier's answer. */
const verify =
  (verifier: string, { threshold }: CascadeTier, settings: ReplySettings): Part =>
  ({ layer, before }) => [
    {
      id: idAt(layer, 'verifier'),
      kind: 'cascade',
      layer,
      agents: [verifier],
      mayFail: true,
      from: idsOf(before),
      plan(context) {
        const { longest } = answersPlanned(context)
        const texts = [verifierPrompt, verifierText('', '')]
        const call = plannedCalls(context, verifier, { ...settings, texts, more: longest })
        return { calls: [call], answers: { count: 1, tokens: longest } }
      },
      async run({ question, inputs, call }) {
        const [answer] = answersSeen(inputs)
        if (answer === undefined) return { answers: [], skipped: 'there is no answer to verify' }
        const reply = await call({
          agent: verifier,
          messages: [
            ...systemMessage(verifierPrompt, settings.system),
            { role: 'user', content: verifierText(questionText(question), answer.text) },
          ],
          ...replySettings({ temperature: 0, ...settings }),
        })
        const mark = answered(reply) ? bracketedNumber(reply.reply.text, 0, 100) : undefined
        return judged(answer, mark === undefined ? undefined : mark / 100, threshold, {
          ...(answered(reply) && mark === undefined && { unparseable: true }),
        })
      },
    } satisfies Step,
  ]

const verifierText = (question: string, answer: string): string => `Question:\n${question}\n\nAnswer:\n${answer}`

/** A layer for each tier (two with a verifier). */
export const cascade = (
  tiers: readonly CascadeTier[],
  scorer: CascadeScorer,
  settings: ReplySettings & { readonly verifying?: ReplySettings } = {},
): Part => {
  const { verifying = {}, ...asking } = settings
  return rounds(
    tiers.length,
    (index) => {
      const tier = tiers[index]!
      const last = index === tiers.length - 1
      const before = tiers.slice(0, index).filter(({ agent }) => agent === tier.agent).length
      const earlier = before * (scorer.by === 'agreement' ? scorer.samples : 1)
      const asked = attempt({ ...asking, tier, scorer, last, earlier })
      return scorer.by === 'verifier' && !last ? sequence(asked, verify(scorer.verifier, tier, verifying)) : asked
    },
    { blind: true },
  )
}
