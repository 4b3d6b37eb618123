// Many samples, few at a time (Self-MoA-Seq, arXiv 2502.00674): a synthesis of the first window, then of it and the next
// W − 1 samples, and so on, so that no prompt holds more than W answers. All samples are independent of it and drawn at once.
import type { Part } from '../compose.ts'
import type { Step } from '../topology.ts'
import { aggregate, type AggregateOptions } from './aggregate.ts'

/** ⌈(n − 1) / (W − 1)⌉ calls, one after the other, over the n steps before it. */
export const synthesiseInWindows =
  (agent: string, window: number, options: AggregateOptions = {}): Part =>
  ({ layer, before }) => {
    const steps: Step[] = []
    let next = 0
    do {
      const last = steps.at(-1)
      const count = last === undefined ? window : window - 1
      const seen = [...(last === undefined ? [] : [last]), ...before.slice(next, next + count)]
      steps.push(...aggregate(agent, options)({ layer: layer + steps.length, before: seen }))
      next += count
    } while (next < before.length)
    return steps
  }
