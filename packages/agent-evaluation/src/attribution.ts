// What each member of a mixture is worth to it: leave-one-out (what is lost without it) and Shapley values (what it adds on
// average to those before it, over all orders; the values sum to the whole mixture's). Both ask one thing, the value of a
// subset of the members, so that they serve votes, aggregates and anything else. Values are per question, since Shapley
// values are linear: a member's value has an interval over the questions.
import { MixlabError, type RandomStream } from '@mixlab/core'
import { clusteredMean } from '@mixlab/statistics'

/** Score of each question when only these members take part, in ascending order of their places; none is a subset, too. */
export type SubsetValue = (subset: readonly number[]) => readonly number[] | Promise<readonly number[]>

export interface AttributionOptions {
  /** Clusters of the questions. */
  readonly groups?: readonly (string | number)[]
  /** More members than this are valued by random orders. Default 10 (1024 subsets). */
  readonly exactUpTo?: number
  /** Random orders, each also backwards. Default 100. */
  readonly orders?: number
  /** For random orders. */
  readonly rng?: RandomStream
}

export interface MemberValue {
  readonly member: string
  readonly shapley: number
  /** Half the width of the 95 % interval over questions; random orders have an error of their own beside it. */
  readonly shapleyHalfWidth: number
  readonly leaveOneOut: number
  readonly leaveOneOutHalfWidth: number
}

export interface Attribution {
  /** Of all members together, and of none. */
  readonly whole: number
  readonly none: number
  readonly members: readonly MemberValue[]
  /** Every subset was valued; else Shapley values come from random orders. */
  readonly exact: boolean
  /** Subsets that were valued. */
  readonly evaluations: number
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Values each subset once. */
function memoised(value: SubsetValue, members: number) {
  const known = new Map<bigint, Promise<readonly number[]>>()
  const at = (mask: bigint): Promise<readonly number[]> => {
    const before = known.get(mask)
    if (before) return before
    const subset = Array.from({ length: members }, (_, index) => index).filter((index) => (mask >> BigInt(index)) & 1n)
    const result = Promise.resolve(value(subset))
    known.set(mask, result)
    return result
  }
  return { at, evaluations: () => known.size }
}

/** Σ over subsets without i of |S|! (n − |S| − 1)! / n! · (v(S ∪ i) − v(S)), question by question (Shapley 1953). */
async function exactShapley(at: (mask: bigint) => Promise<readonly number[]>, members: number): Promise<number[][]> {
  const values = await Promise.all(Array.from({ length: 2 ** members }, (_, mask) => at(BigInt(mask))))
  // 1 / (n · C(n − 1, size)).
  const weights = [1 / members]
  for (let size = 1; size < members; size++) weights.push((weights[size - 1]! * size) / (members - size))
  const questions = values[0]!.length
  return Array.from({ length: members }, (_, member) => {
    const bit = 1 << member
    const sums = Array.from({ length: questions }, () => 0)
    for (let mask = 0; mask < values.length; mask++) {
      if (mask & bit) continue
      const weight = weights[mask.toString(2).replaceAll('0', '').length]!
      for (let q = 0; q < questions; q++) sums[q]! += weight * (values[mask | bit]![q]! - values[mask]![q]!)
    }
    return sums
  })
}

/** The mean of marginal values over random orders and their reversals (antithetic; Mitchell et al. 2022). */
async function sampledShapley(
  at: (mask: bigint) => Promise<readonly number[]>,
  members: number,
  orders: number,
  rng: RandomStream,
): Promise<number[][]> {
  const sums: number[][] = Array.from({ length: members }, () => [])
  for (let draw = 0; draw < orders; draw++) {
    const order = rng.shuffled(Array.from({ length: members }, (_, index) => index))
    for (const walk of [order, order.toReversed()]) {
      let mask = 0n
      let before = await at(mask)
      for (const member of walk) {
        mask |= 1n << BigInt(member)
        const after = await at(mask)
        for (const [q, value] of after.entries())
          sums[member]![q] = (sums[member]![q] ?? 0) + (value - before[q]!) / (2 * orders)
        before = after
      }
    }
  }
  return sums
}

/** @throws MixlabError without members, or with more than can be valued exactly and no random numbers for orders */
export async function attribute(
  members: readonly string[],
  value: SubsetValue,
  { groups, exactUpTo = 10, orders = 100, rng }: AttributionOptions = {},
): Promise<Attribution> {
  const count = members.length
  if (count === 0) throw new MixlabError('attribution needs at least one member')
  const exact = count <= exactUpTo
  const { at, evaluations } = memoised(value, count)
  const all = (1n << BigInt(count)) - 1n
  const [whole, none] = [await at(all), await at(0n)]
  if (!exact && rng === undefined)
    throw new MixlabError(`${count} members have too many subsets to value them all: give rng for random orders`)
  const shapley = exact ? await exactShapley(at, count) : await sampledShapley(at, count, orders, rng!)
  const values = await Promise.all(
    members.map(async (member, index) => {
      const without = await at(all & ~(1n << BigInt(index)))
      const out = clusteredMean(
        whole.map((score, q) => score - without[q]!),
        groups,
      )
      const share = clusteredMean(shapley[index]!, groups)
      return {
        member,
        shapley: share.mean,
        shapleyHalfWidth: share.halfWidth,
        leaveOneOut: out.mean,
        leaveOneOutHalfWidth: out.halfWidth,
      }
    }),
  )
  return { whole: meanOf(whole), none: meanOf(none), members: values, exact, evaluations: evaluations() }
}
