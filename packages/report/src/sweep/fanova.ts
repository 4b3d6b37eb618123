// Functional ANOVA of a forest (Hutter, Hoos and Leyton-Brown 2014): how much of the objective's variance over the whole
// space each parameter explains by itself. A tree is constant on boxes, so that its marginal over all the other parameters
// is a step function, computed exactly by one pass over the leaves: a leaf with value v, whose box holds the fraction p of
// the space and the fraction w of a parameter's axis, adds v·p/w to the marginal there.
import { RandomStream } from '@mixlab/core'
import { type Feature, growForest, type Leaf, type Tree } from './forest.ts'

/** As Optuna's evaluator. */
const TREES = 64

/** At how many places of an axis a marginal is written down. */
export const MARGINAL_PLACES = 48

export interface Marginal {
  /** V_u / V, the mean over the trees. */
  readonly share: number
  /** Its standard deviation over the trees. */
  readonly deviation: number
  /** The mean objective over all other parameters: per category, or at (i + ½) / `MARGINAL_PLACES` of the axis. */
  readonly means: Float64Array
}

export interface Decomposition {
  /** One for each feature. */
  readonly marginals: readonly Marginal[]
  /** 1 − residual / total sum of squares, on rows that the predicting trees did not see; at most 1, NaN without such rows. */
  readonly explained: number
}

/** @returns undefined when the targets do not vary, or are fewer than two */
export function fanova(features: readonly Feature[], targets: Float64Array, seed = 0): Decomposition | undefined {
  if (features.length === 0 || targets.every((value) => value === targets[0])) return undefined
  const { trees, outOfBag } = growForest(features, targets, TREES, new RandomStream(seed, 'fanova'))
  const perTree = trees.map((tree) => decompose(tree, features)).filter(({ variance }) => variance > 0)
  if (perTree.length === 0) return undefined
  const marginals = features.map((_, f): Marginal => {
    const shares = perTree.map(({ variance, parts }) => Math.max(0, parts[f]!.variance) / variance)
    const share = average(shares)
    const places = perTree.map(({ parts }) => parts[f]!.means)
    return {
      share,
      deviation: Math.sqrt(average(shares.map((value) => (value - share) ** 2))),
      means: places[0]!.map((_value, i) => average(places.map((means) => means[i]!))),
    }
  })
  return { marginals, explained: explainedVariance(targets, outOfBag) }
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function explainedVariance(targets: Float64Array, predicted: Float64Array): number {
  const known = [...targets.keys()].filter((row) => !Number.isNaN(predicted[row]!))
  const mean = average(known.map((row) => targets[row]!))
  const total = known.reduce((sum, row) => sum + (targets[row]! - mean) ** 2, 0)
  const rest = known.reduce((sum, row) => sum + (targets[row]! - predicted[row]!) ** 2, 0)
  return total > 0 ? 1 - rest / total : NaN
}

/** A leaf's extent in one feature: an interval of [0, 1], or which categories. */
type Side = { readonly low: number; readonly high: number } | { readonly members: Uint8Array; readonly size: number }

interface Box {
  readonly leaf: Leaf
  readonly sides: readonly Side[]
  /** Of the whole space. */
  readonly fraction: number
}

const width = (side: Side, categories: number): number =>
  'members' in side ? side.size / categories : side.high - side.low

function boxes(tree: Tree, features: readonly Feature[]): Box[] {
  const found: Box[] = []
  const visit = (node: Tree, sides: readonly Side[]): void => {
    if (!('below' in node)) {
      found.push({
        leaf: node,
        sides,
        fraction: sides.reduce((product, side, f) => product * width(side, features[f]!.categories), 1),
      })
      return
    }
    const side = sides[node.feature]!
    for (const [child, below] of [
      [node.below, true],
      [node.above, false],
    ] as const)
      visit(child, sides.with(node.feature, half(side, node.threshold, node.members, below)))
  }
  visit(
    tree,
    features.map(({ categories }) =>
      categories > 0 ? { members: new Uint8Array(categories).fill(1), size: categories } : { low: 0, high: 1 },
    ),
  )
  return found
}

function half(side: Side, threshold: number, split: Uint8Array | undefined, below: boolean): Side {
  if (!('members' in side)) return below ? { low: side.low, high: threshold } : { low: threshold, high: side.high }
  const members = side.members.map((inside, c) => (inside === 1 && (split![c] === 1) === below ? 1 : 0))
  return { members, size: members.reduce((sum, inside) => sum + inside, 0) }
}

interface Part {
  readonly variance: number
  readonly means: Float64Array
}

function decompose(tree: Tree, features: readonly Feature[]): { variance: number; parts: readonly Part[] } {
  const leaves = boxes(tree, features)
  const mean = leaves.reduce((sum, { leaf, fraction }) => sum + leaf.value * fraction, 0)
  const variance = leaves.reduce((sum, { leaf, fraction }) => sum + fraction * (leaf.value - mean) ** 2, 0)
  return {
    variance,
    parts: features.map(({ categories }, f) =>
      categories > 0 ? categoricalPart(leaves, f, categories, mean) : numericPart(leaves, f, mean),
    ),
  }
}

function categoricalPart(leaves: readonly Box[], f: number, categories: number, mean: number): Part {
  const means = new Float64Array(categories)
  for (const { leaf, sides, fraction } of leaves) {
    const side = sides[f]!
    if (!('members' in side)) continue
    for (const [c, inside] of side.members.entries())
      if (inside === 1) means[c]! += (leaf.value * fraction * categories) / side.size
  }
  return { means, variance: means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / categories }
}

function numericPart(leaves: readonly Box[], f: number, mean: number): Part {
  const intervals = leaves.map(({ leaf, sides, fraction }) => {
    const side = sides[f]! as { low: number; high: number }
    return { ...side, height: (leaf.value * fraction) / (side.high - side.low) }
  })
  const edges = [...new Set([0, 1, ...intervals.flatMap(({ low, high }) => [low, high])])].toSorted((a, b) => a - b)
  const index = new Map(edges.map((edge, i) => [edge, i]))
  const change = new Float64Array(edges.length)
  for (const { low, high, height } of intervals) {
    change[index.get(low)!]! += height
    change[index.get(high)!]! -= height
  }
  const means = new Float64Array(MARGINAL_PLACES)
  let [height, variance, place] = [0, 0, 0]
  for (let i = 0; i + 1 < edges.length; i++) {
    height += change[i]!
    variance += (edges[i + 1]! - edges[i]!) * (height - mean) ** 2
    for (; place < MARGINAL_PLACES && (place + 0.5) / MARGINAL_PLACES < edges[i + 1]!; place++) means[place] = height
  }
  return { means, variance }
}
