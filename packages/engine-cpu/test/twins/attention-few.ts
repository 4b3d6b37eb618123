// Cases of attention of few queries against float64: what each stretch of keys leaves to be put together.
import { constantFrom, tuple } from 'fast-check'
import {
  argumentsOf,
  dot,
  keyRow,
  numbers,
  pairs,
  parametersOf,
  precision,
  type Problem,
  problem,
  queryRow,
  roundUp,
  seen,
} from './attention.ts'
import { input, type KernelCases, kernelCases, output, small, work } from './case.ts'

/** Floats of a stretch before its values: maximum, sum, and two that may be anything. */
const header = 4

/** Of each stretch of each query: its largest score, and the sums of exp(score − largest), alone and times the values. */
function partialsOf(p: Problem, block: number, stretches: number): (number | undefined)[] {
  const size = header + roundUp(p.valueFeatures, 4)
  const partials = Array.from<number | undefined>({ length: p.batch * p.heads * p.queries * stretches * size })
  let at = 0
  for (const pair of pairs(p))
    for (let i = 0; i < stretches; i++, at += size) {
      const [first, end] = seen(p, pair.t)
      const keys: number[] = []
      for (let s = Math.max(first, i * block); s < Math.min(end, (i + 1) * block); s++) keys.push(keyRow(p, pair, s))
      const scores = keys.map((key) => p.scale * dot(p.q, queryRow(p, pair), p.k, key, p.features))
      const top = Math.max(...scores)
      const weights = scores.map((score) => Math.exp(score - top))
      partials[at] = top
      partials[at + 1] = weights.reduce((sum, weight) => sum + weight, 0)
      for (let j = 0; j < p.valueFeatures; j++)
        partials[at + header + j] = keys.reduce((sum, key, s) => sum + weights[s]! * p.v[key * p.valueFeatures + j]!, 0)
    }
  return partials
}

const attentionFew = kernelCases({
  parameters: tuple(parametersOf(small(8)), constantFrom(4, 20, 64, 256)),
  setup: ([given, block], target) => {
    const p = problem(given, target)
    const stretches = Math.ceil(p.length / block)
    const expected = partialsOf(p, block, stretches)
    const workBytes = roundUp(4 * p.queries * p.shared * (block + roundUp(p.features, 4)), 64)
    return {
      tensors: {
        q: input(p.q),
        k: input(p.k),
        v: input(p.v),
        // A stretch has as many weights of up to 1 as it has keys, of values up to 2.
        partials: output(expected.length, {
          expected: () => expected,
          tolerance: { absolute: 8 * precision(p) * Math.min(block, p.length) },
        }),
        work: work(workBytes),
      },
      args: (at) => argumentsOf(at, { ...numbers(p), block, workBytes }),
      items: p.batch * stretches * p.keyHeads,
    }
  },
})

export const attentionFewCases: Readonly<Record<string, KernelCases>> = { attentionFew }
