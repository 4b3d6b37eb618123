// Products of rows with columns that both lie along the depth, as dot products: an element is 16 sums side by side, which are
// added up at the end in an order that all instruction sets keep. They wait for memory, and both are read where they lie.
import type { Few } from './few.ts'
import type { Int, Mask, Place, Program, Vector } from './program.ts'
import { sumLanes } from './transpose.ts'

/** Both operands along the depth: as many dot products at a time as a vector has lanes. */
export function multiplyDots(p: Program, few: Few): void {
  const { left, right, result, columns, rows, leftRow, rightColumn, stride } = few
  const [b, c, columnsLeft] = [p.copy(right), p.copy(result), p.copy(columns)]
  p.while(columnsLeft, '>=', p.lanes, () => {
    const [a, row, rowsLeft] = [p.copy(left), p.copy(c), p.copy(rows)]
    // The columns of further rows are in the cache.
    for (const count of p.lanes === 16 ? [2, 1] : [1]) {
      p.while(rowsLeft, '>=', count, () => {
        for (const [i, sums] of dotsWhole(p, few, count, a, b).entries())
          p.store(i === 0 ? { base: row } : { base: row, index: stride }, sums)
        p.increase(a, p.times(leftRow, count))
        p.increase(row, p.times(stride, count))
        p.increase(rowsLeft, -count)
      })
    }
    p.increase(b, p.times(rightColumn, p.lanes))
    p.increase(c, p.width)
    p.increase(columnsLeft, -p.lanes)
  })
  p.range(0, columnsLeft, 1, () => {
    const [a, row] = [p.copy(left), p.copy(c)]
    p.range(0, rows, 1, () => {
      const [sums] = dots(p, few, [{ base: a }], [{ base: b }])
      p.storeScalar({ base: row }, sumLanes(p, ...sums![0]!), 4)
      p.increase(a, leftRow)
      p.increase(row, stride)
    })
    p.increase(b, rightColumn)
    p.increase(c, 4)
  })
}

/** Of `count` rows, the sums of as many columns as a vector has lanes. */
function dotsWhole(p: Program, few: Few, count: number, a: Int, b: Int): Vector[] {
  const four = p.shifted(few.rightColumn, 'left', 2)
  const rows = [{ base: a }, { base: a, index: few.leftRow }].slice(0, count)
  const quarters = Array.from({ length: 4 }, (_, i) => {
    const first = i === 0 ? b : p.plus(b, p.times(few.rightColumn, i))
    const columns: Omit<Place, 'displacement'>[] = [{ base: first }, { base: first, index: four }]
    if (p.lanes === 16) columns.push({ base: first, index: four, scale: 2 }, { base: p.plus(first, p.times(four, 3)) })
    return dots(p, few, rows, columns).map((sums) => addQuarters(p, sums))
  })
  return rows.map((_, row) => addLanes(p, quarters.map((of) => of[row]!) as [Vector, Vector, Vector, Vector]))
}

/** A dot product before its sums are added up: 16 of them, in one vector or two. */
type Dot = readonly Vector[]

/** Dot products of each row with each column. */
function dots(
  p: Program,
  { depth }: Few,
  rows: readonly Omit<Place, 'displacement'>[],
  columns: readonly Omit<Place, 'displacement'>[],
): Dot[][] {
  const halves = Array.from({ length: 16 / p.lanes }, (_, i) => i)
  const sums = rows.map(() => columns.map(() => halves.map(() => p.zero())))
  const bases = new Map<Int, Int>()
  for (const { base } of [...rows, ...columns]) if (!bases.has(base)) bases.set(base, p.copy(base))
  const at = (place: Omit<Place, 'displacement'>, half: number): Place => ({
    ...place,
    base: bases.get(place.base)!,
    displacement: half * p.width,
  })
  const step = (maskOf: (half: number) => Mask | undefined) => {
    for (const half of halves) {
      const mask = maskOf(half)
      const left = rows.map((row) => p.load(at(row, half), mask))
      for (const [i, column] of columns.entries()) {
        const right = rows.length > 1 || mask ? p.load(at(column, half), mask) : at(column, half)
        for (const [row, x] of left.entries()) p.accumulate(sums[row]![i]![half]!, x, right)
      }
    }
  }
  const stepsLeft = p.copy(depth)
  p.while(stepsLeft, '>=', 16, () => {
    step(() => undefined)
    for (const base of bases.values()) p.increase(base, 64)
    p.increase(stepsLeft, -16)
  })
  p.if(stepsLeft, '>', 0, () =>
    step((half) =>
      p.lanes === 16 ? p.firstLanes(stepsLeft) : p.firstLanesOf(half === 0 ? stepsLeft : p.minus(stepsLeft, 8)),
    ),
  )
  return sums
}

/** Of as many dot products as a vector has quarters, four sums each: a quarter each. */
function addQuarters(p: Program, dots: readonly Dot[]): Vector {
  if (p.lanes === 8) {
    const [low, high] = [0, 1].map((half) => {
      const [x, y] = dots.map((sums) => sums[half]!) as [Vector, Vector]
      return p.add(p.shaped('swapHalves', x, y, 0x20), p.shaped('swapHalves', x, y, 0x31))
    })
    return p.add(low!, high!)
  }
  const pairs = (x: Vector, y: Vector) =>
    p.add(p.shaped('shuffleQuarters', x, y, 0x88), p.shaped('shuffleQuarters', x, y, 0xdd))
  const [a, b, c, d] = dots.map(([sums]) => sums!) as [Vector, Vector, Vector, Vector]
  return pairs(pairs(a, b), pairs(c, d))
}

/** The sums of each quarter's lanes: quarter i of the four vectors is lanes 4i … 4i + 3 of the result. */
function addLanes(p: Program, [a, b, c, d]: readonly [Vector, Vector, Vector, Vector]): Vector {
  const halves = (x: Vector, y: Vector) => p.add(p.three('unpackLowPairs', x, y), p.three('unpackHighPairs', x, y))
  const [x, y] = [halves(a, b), halves(c, d)]
  return p.add(p.shaped('shuffle', x, y, 0x88), p.shaped('shuffle', x, y, 0xdd))
}
