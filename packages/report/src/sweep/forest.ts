// Random forests of regression trees, Breiman's (2001) with scikit-learn's defaults: bootstrap samples, all features at
// every split, squared error, leaves of one row. Categories are split as sets (ordered by their mean, which is optimal for
// squared error: Fisher 1958), so that no choice is encoded as a number. Rows are sorted once per feature; a split keeps
// the order, which makes a tree cost rows × features × depth.
import type { RandomStream } from '@mixlab/core'

export interface Feature {
  /** Per row: a number in [0, 1], or the index of the category. */
  readonly values: Float64Array
  /** 0 for a number. */
  readonly categories: number
}

export interface Leaf {
  readonly value: number
}

export interface Split {
  readonly feature: number
  /** Numbers up to it go to `below`; NaN for a categorical feature. */
  readonly threshold: number
  /** Per category: 1 goes to `below`. */
  readonly members: Uint8Array | undefined
  readonly below: Tree
  readonly above: Tree
}

export type Tree = Leaf | Split

export interface Forest {
  readonly trees: readonly Tree[]
  /** Mean prediction by the trees that did not see the row; NaN where all did. */
  readonly outOfBag: Float64Array
}

const MAX_DEPTH = 64

/** @param targets finite, one for each row */
export function growForest(
  features: readonly Feature[],
  targets: Float64Array,
  count: number,
  rng: RandomStream,
): Forest {
  const rows = targets.length
  const sorted = features.map(({ values }) =>
    Int32Array.from(targets.keys()).toSorted((a, b) => values[a]! - values[b]! || a - b),
  )
  const sums = new Float64Array(rows)
  const seen = new Int32Array(rows)
  const trees = Array.from({ length: count }, () => {
    const weights = new Int32Array(rows)
    for (let i = 0; i < rows; i++) weights[rng.integer(rows)]!++
    const drawn = sorted.map((order) => order.filter((row) => weights[row]! > 0))
    const tree = grow({ features, targets, weights, rng, side: new Uint8Array(rows) }, drawn, 0)
    for (let row = 0; row < rows; row++) {
      if (weights[row]! > 0) continue
      sums[row]! += predict(tree, features, row)
      seen[row]!++
    }
    return tree
  })
  return { trees, outOfBag: sums.map((sum, row) => (seen[row]! > 0 ? sum / seen[row]! : NaN)) }
}

export function predict(tree: Tree, features: readonly Feature[], row: number): number {
  let node = tree
  while ('below' in node) node = goesBelow(node, features[node.feature]!.values[row]!) ? node.below : node.above
  return node.value
}

const goesBelow = ({ members, threshold }: Omit<Split, 'below' | 'above'>, value: number): boolean =>
  members ? members[value] === 1 : value <= threshold

interface Growth {
  readonly features: readonly Feature[]
  readonly targets: Float64Array
  readonly weights: Int32Array
  readonly rng: RandomStream
  /** Where each row of the node goes; scratch. */
  readonly side: Uint8Array
}

type Candidate = Omit<Split, 'below' | 'above'> & { readonly score: number }

/** @param sorted the node's rows, ordered by each feature */
function grow(growth: Growth, sorted: readonly Int32Array[], depth: number): Tree {
  const { features, targets, weights, side } = growth
  const rows = sorted[0]!
  let weight = 0
  let sum = 0
  for (const row of rows) {
    weight += weights[row]!
    sum += weights[row]! * targets[row]!
  }
  const leaf: Leaf = { value: sum / weight }
  if (depth >= MAX_DEPTH || rows.every((row) => targets[row] === targets[rows[0]!])) return leaf
  const best = bestSplit(growth, sorted, weight, sum)
  if (best === undefined) return leaf
  const { values } = features[best.feature]!
  let count = 0
  for (const row of rows) count += side[row] = goesBelow(best, values[row]!) ? 1 : 0
  const below: Int32Array[] = []
  const above: Int32Array[] = []
  for (const order of sorted) {
    const [first, second] = [new Int32Array(count), new Int32Array(order.length - count)]
    let [i, j] = [0, 0]
    for (const row of order) {
      if (side[row] === 1) first[i++] = row
      else second[j++] = row
    }
    below.push(first)
    above.push(second)
  }
  return {
    feature: best.feature,
    threshold: best.threshold,
    members: best.members,
    below: grow(growth, below, depth + 1),
    above: grow(growth, above, depth + 1),
  }
}

/** The split with the least squared error, that is the largest S_below² / w_below + S_above² / w_above. */
function bestSplit(growth: Growth, sorted: readonly Int32Array[], weight: number, sum: number): Candidate | undefined {
  let best: Candidate | undefined
  for (const feature of shuffled(growth.features.length, growth.rng)) {
    const find = growth.features[feature]!.categories > 0 ? categoricalSplit : numericSplit
    const candidate = find(growth, feature, sorted[feature]!, weight, sum)
    if (candidate && (best === undefined || candidate.score > best.score)) best = candidate
  }
  return best
}

/** Features in random order, so that ties do not favour the first. */
function shuffled(count: number, rng: RandomStream): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = rng.integer(i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

function numericSplit(
  { features, targets, weights }: Growth,
  feature: number,
  rows: Int32Array,
  weight: number,
  sum: number,
): Candidate | undefined {
  const { values } = features[feature]!
  let [w, s, score, threshold] = [0, 0, -Infinity, NaN]
  for (let i = 0; i + 1 < rows.length; i++) {
    const row = rows[i]!
    w += weights[row]!
    s += weights[row]! * targets[row]!
    const [here, next] = [values[row]!, values[rows[i + 1]!]!]
    if (here === next) continue
    const value = (s * s) / w + (sum - s) ** 2 / (weight - w)
    if (value > score) [score, threshold] = [value, (here + next) / 2]
  }
  return Number.isNaN(threshold) ? undefined : { feature, threshold, members: undefined, score }
}

function categoricalSplit(
  { features, targets, weights }: Growth,
  feature: number,
  rows: Int32Array,
  weight: number,
  sum: number,
): Candidate | undefined {
  const { values, categories } = features[feature]!
  const [count, total] = [new Float64Array(categories), new Float64Array(categories)]
  for (const row of rows) {
    count[values[row]!]! += weights[row]!
    total[values[row]!]! += weights[row]! * targets[row]!
  }
  const present = [...count.keys()]
    .filter((c) => count[c]! > 0)
    .toSorted((a, b) => total[a]! / count[a]! - total[b]! / count[b]!)
  let [w, s, score, cut] = [0, 0, -Infinity, 0]
  for (let i = 0; i + 1 < present.length; i++) {
    w += count[present[i]!]!
    s += total[present[i]!]!
    const value = (s * s) / w + (sum - s) ** 2 / (weight - w)
    if (value > score) [score, cut] = [value, i + 1]
  }
  if (cut === 0) return undefined
  const below = new Set(present.slice(0, cut))
  // A choice that the node has not seen goes with the larger part.
  const unseenBelow = present.slice(0, cut).reduce((n, c) => n + count[c]!, 0) * 2 >= weight
  const members = Uint8Array.from(count, (n, c) => ((n > 0 ? below.has(c) : unseenBelow) ? 1 : 0))
  return { feature, threshold: NaN, members, score }
}
