// Moves labels apart along one axis, as little as possible: neighbours that would overlap are pooled into a block whose
// centre is the mean of what its members wanted (pool-adjacent-violators, least squares).

export interface Wanted {
  readonly at: number
}

/**
 * @param gap the least distance between two neighbours
 * @param range what the labels must stay in; when there are too many for it, they overflow its end evenly
 * @returns the items in order of position, each with the place it got
 */
export function spread<T extends Wanted>(
  items: readonly T[],
  gap: number,
  range: readonly [number, number],
): (T & { placed: number })[] {
  const sorted = items.toSorted((a, b) => a.at - b.at)
  const block = (first: number, count: number) => {
    const wanted = sorted.slice(first, first + count).reduce((sum, { at }) => sum + at, 0) / count
    const half = ((count - 1) * gap) / 2
    return { first, count, centre: Math.max(range[0] + half, Math.min(range[1] - half, wanted)) }
  }
  const blocks: ReturnType<typeof block>[] = []
  for (const i of sorted.keys()) {
    let next = block(i, 1)
    for (;;) {
      const before = blocks.at(-1)
      if (!before || before.centre + (before.count * gap) / 2 <= next.centre - (next.count * gap) / 2 + 1e-9) break
      blocks.pop()
      next = block(before.first, before.count + next.count)
    }
    blocks.push(next)
  }
  return blocks.flatMap(({ first, count, centre }) =>
    sorted.slice(first, first + count).map((item, i) => ({ ...item, placed: centre + (i - (count - 1) / 2) * gap })),
  )
}
