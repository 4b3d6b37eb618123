// Transposition of a square of float32 in registers, and what else goes across the lanes of a vector.
import type { Place, Program, Vector } from './program.ts'

/** The columns of as many rows as a vector has lanes. */
export function transpose(p: Program, rows: Vector[]): Vector[] {
  const pairsOf = (
    vectors: readonly Vector[],
    distance: number,
    low: (a: Vector, b: Vector) => Vector,
    high: typeof low,
  ) => {
    const result = [...vectors]
    for (let i = 0; i < vectors.length; i++) {
      if (i & distance) continue
      const [a, b] = [vectors[i]!, vectors[i + distance]!]
      result[i] = low(a, b)
      result[i + distance] = high(a, b)
    }
    return result
  }
  const singles = pairsOf(
    rows,
    1,
    (a, b) => p.three('unpackLow', a, b),
    (a, b) => p.three('unpackHigh', a, b),
  )
  // Of rows 0 … 3: quarter q of vector j is now column 4q + j.
  const doubles = pairsOf(
    singles,
    2,
    (a, b) => p.three('unpackLowPairs', a, b),
    (a, b) => p.three('unpackHighPairs', a, b),
  )
  // Where columns 0 … 3 of four rows are after both steps.
  const order = [0, 2, 1, 3]
  const part = (group: number, column: number) => doubles[4 * group + order[column]!]!
  const columns: Vector[] = []
  if (p.lanes === 8) {
    for (let column = 0; column < 4; column++) {
      const [low, high] = [part(0, column), part(1, column)]
      columns[column] = p.shaped('swapHalves', low, high, 0x20)
      columns[column + 4] = p.shaped('swapHalves', low, high, 0x31)
    }
    return columns
  }
  for (let column = 0; column < 4; column++) {
    const halves = [0, 2].map((group) => [part(group, column), part(group + 1, column)] as const)
    for (const [step, immediate] of [0x88, 0xdd].entries()) {
      const [low, high] = halves.map(([a, b]) => p.shaped('shuffleQuarters', a, b, immediate))
      columns[column + 4 * step] = p.shaped('shuffleQuarters', low!, high!, 0x88)
      columns[column + 4 * step + 8] = p.shaped('shuffleQuarters', low!, high!, 0xdd)
    }
  }
  return columns
}

/**
 * Four columns of as many rows in memory as a vector has lanes, whose quarters are put into their places as they are loaded:
 * half as many instructions of the one port that moves lanes on Intel's processors.
 * @param rows where each begins.
 */
export function transposeColumns(p: Program, rows: readonly Place[], first: number): Vector[] {
  const quarter = (row: number) => {
    const place = rows[row]!
    return { ...place, displacement: (place.displacement ?? 0) + 4 * first }
  }
  const [a, b, c, d] = [0, 1, 2, 3].map((row) => {
    let x = p.loadQuarter(quarter(row))
    for (let i = 1; i < p.lanes / 4; i++) x = p.shaped('insertQuarter', x, quarter(row + 4 * i), i)
    return x
  }) as [Vector, Vector, Vector, Vector]
  return (['unpackLow', 'unpackHigh'] as const).flatMap((half) => {
    const [left, right] = [p.three(half, a, b), p.three(half, c, d)]
    return [p.three('unpackLowPairs', left, right), p.three('unpackHighPairs', left, right)]
  })
}

/** The sum of all lanes, of one vector or two of AVX2, in lane 0. */
export function sumLanes(p: Program, ...vectors: readonly Vector[]): Vector {
  const quarters = vectors.flatMap((x) => Array.from({ length: p.lanes / 4 }, (_, i) => p.quarter(x, i)))
  let sum = quarters[0]!
  if (quarters.length === 2) sum = p.add(quarters[0]!, quarters[1]!)
  else sum = p.add(p.add(quarters[0]!, quarters[1]!), p.add(quarters[2]!, quarters[3]!))
  const pairs = p.add(sum, p.shaped('shuffle', sum, sum, 0b01_00_11_10))
  return p.add(pairs, p.shaped('shuffle', pairs, pairs, 0b10_11_00_01))
}

/** The largest of all lanes, in lane 0; NaN is not minded. */
export function maxLanes(p: Program, x: Vector): Vector {
  const quarters = Array.from({ length: p.lanes / 4 }, (_, i) => p.quarter(x, i))
  const largest = quarters.reduce((a, b) => p.max(a, b))
  const pairs = p.max(largest, p.shaped('shuffle', largest, largest, 0b01_00_11_10))
  return p.max(pairs, p.shaped('shuffle', pairs, pairs, 0b10_11_00_01))
}
