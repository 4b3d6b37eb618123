// What a reply cost. Where the provider told no tokens they are counted by the model's own tokenizer, else estimated as a
// quarter of the text's bytes in UTF-8 (English prose in the usual vocabularies comes to 4.2 to 4.7), and marked as estimates.
import type { Price } from './agent.ts'
import type { ChatReply, ChatRequest, Usage } from './chat-model.ts'
import type { Cost } from './cost.ts'

export type CountTokens = (text: string) => number

/** UTF-8 bytes / 4, rounded up. */
export const estimateTokens: CountTokens = (text) => Math.ceil(Buffer.byteLength(text) / 4)

/** What a chat template puts around each message and before the reply, at most. */
const templateTokens = 16

/** Tokens of a request's prompt, estimated. */
export const promptTokens = ({ messages }: ChatRequest, count: CountTokens): number =>
  messages.reduce((sum, { content }) => sum + count(content) + 4, 3)

/**
 * Tokens of a request's prompt, at most: a token of a byte-level vocabulary is at least a byte.
 * @param count the model's own tokenizer, where it is at hand
 */
export const mostPromptTokens = ({ messages }: ChatRequest, count: CountTokens = Buffer.byteLength): number =>
  messages.reduce((sum, { content }) => sum + count(content) + templateTokens, templateTokens)

/** Sums of money have no more digits than this: what addition leaves behind them is noise. */
const exact = (amount: number): number => Math.round(amount * 1e12) / 1e12

export const noCost: Cost = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  estimated: false,
  billed: 0,
  logical: 0,
}

/** The cost of what a provider counted. @param estimated tokens where it did not count */
export function usageCost(
  usage: Usage,
  estimated: { readonly input: () => number; readonly output: () => number },
  price?: Price,
): Cost {
  const inputTokens = usage.inputTokens ?? estimated.input()
  const outputTokens = usage.outputTokens ?? estimated.output()
  const cachedInputTokens = Math.min(usage.cachedInputTokens ?? 0, inputTokens)
  return {
    inputTokens,
    cachedInputTokens,
    outputTokens,
    reasoningTokens: usage.reasoningTokens ?? 0,
    estimated: usage.inputTokens === undefined || usage.outputTokens === undefined,
    ...(price && {
      billed: exact(
        ((inputTokens - cachedInputTokens) * price.input +
          cachedInputTokens * (price.cachedInput ?? price.input) +
          outputTokens * price.output) /
          1e6,
      ),
      logical: exact((inputTokens * price.input + outputTokens * price.output) / 1e6),
      currency: price.currency,
    }),
  }
}

/** @param count the model's tokenizer, else an estimate */
export const replyCost = (request: ChatRequest, reply: ChatReply, count: CountTokens, price?: Price): Cost =>
  usageCost(
    reply.usage,
    {
      input: () => promptTokens(request, count),
      output: () => count(reply.text) + (reply.reasoning === undefined ? 0 : count(reply.reasoning)),
    },
    price,
  )

/**
 * Adds costs of one currency. An unknown price stays unknown: where some parts have one and others none, the sum is of
 * those that have, and says that it is a lower bound.
 */
export function addCosts(costs: Iterable<Cost>): Cost {
  let [inputTokens, cachedInputTokens, outputTokens, reasoningTokens] = [0, 0, 0, 0]
  let [billed, logical] = [0, 0]
  let estimated = false
  let [known, unknown] = [false, false]
  let currency: string | undefined
  for (const cost of costs) {
    inputTokens += cost.inputTokens
    cachedInputTokens += cost.cachedInputTokens
    outputTokens += cost.outputTokens
    reasoningTokens += cost.reasoningTokens
    estimated ||= cost.estimated
    currency ??= cost.currency
    billed += cost.billed ?? 0
    logical += cost.logical ?? 0
    // What used no tokens says nothing about prices.
    if (cost.inputTokens + cost.outputTokens === 0) continue
    known ||= cost.logical !== undefined
    unknown ||= cost.logical === undefined || cost.lowerBound === true
  }
  return {
    inputTokens,
    cachedInputTokens,
    outputTokens,
    reasoningTokens,
    estimated,
    ...((known || !unknown) && { billed: exact(billed), logical: exact(logical) }),
    ...(currency !== undefined && { currency }),
    ...(known && unknown && { lowerBound: true as const }),
  }
}
