// Updates over many tensors at once: the twins of assembly/optimizer.ts, which tells the table.
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Vector } from './program.ts'

const entryBytes = 64
const block = 2048

interface Entry {
  /** Address of tensor i of the entry, at the block's first element. */
  tensor(i: number): Int
  /** Elements of the block. */
  readonly count: Int
  readonly place: Int
}

/** Visits the blocks from begin to end. */
function eachBlock(frame: KernelFrame, visit: (entry: Entry, block: Int) => void): void {
  const { p, begin, end, memory } = frame
  p.range(begin, end, 1, (item) => {
    const low = p.int(0)
    const high = p.minus(frame.integer(1), 1)
    const at = (index: Int) => p.plus(frame.pointer(0), p.times(index, entryBytes))
    p.while(low, '<', high, () => {
      const middle = p.shifted(p.plus(p.plus(low, high), 1), 'right', 1)
      const first = p.loadInt({ base: at(middle), displacement: 48 }, 'float64')
      p.if(
        first,
        '<=',
        item,
        () => p.set(low, middle),
        () => p.set(high, p.minus(middle, 1)),
      )
    })
    const place = at(low)
    const first = p.times(p.minus(item, p.loadInt({ base: place, displacement: 48 }, 'float64')), block)
    const count = p.smallerThan(p.minus(p.loadInt({ base: place, displacement: 32 }, 'float64'), first), block)
    const tensor = (i: number) => {
      const base = p.plus(p.loadInt({ base: place, displacement: 8 * i }, 'float64'), memory)
      return p.address({ base, index: first, scale: 4 })
    }
    visit({ tensor, count, place }, item)
  })
}

/** What gradients are multiplied by: a scalar tensor, or 1 where there is none. */
function gradientScale({ p, integer, memory }: KernelFrame, i: number): Vector {
  const scale = p.broadcast(p.constant(1))
  const offset = integer(i)
  p.if(offset, '!=', 0, () => p.assign(scale, p.broadcast({ base: offset, index: memory })))
  return scale
}

/** args: table (p, g, m, v), count, scale, β₁, β₂, 1 − β₁, 1 − β₂, rate, rate / (1 − β₁^t), 1 / √(1 − β₂^t), eps. */
function adamW(frame: KernelFrame): void {
  const { p, args, float } = frame
  const scale = gradientScale(frame, 2)
  const [beta1, beta2, rest1, rest2] = [3, 4, 5, 6].map(float) as [Vector, Vector, Vector, Vector]
  const [step, correction, eps] = [8, 9, 10].map(float) as [Vector, Vector, Vector]
  eachBlock(frame, ({ tensor, count, place }) => {
    const one = p.doubleFromInt(p.int(1))
    const decay = p.three('mulDouble', p.loadScalar({ base: args, displacement: 56 }, 8), {
      base: place,
      displacement: 40,
    })
    const kept = p.three('subDouble', one, decay)
    const keep = p.broadcast(p.three('doubleToFloat', kept, kept))
    const [pAt, gAt, mAt, vAt] = [0, 1, 2, 3].map(tensor) as [Int, Int, Int, Int]
    p.elements(count, (at, mask) => {
      const g = p.mul(p.load({ base: gAt, index: at }, mask), scale)
      const m = p.fma(p.load({ base: mAt, index: at }, mask), beta1, p.mul(g, rest1))
      const v = p.fma(p.load({ base: vAt, index: at }, mask), beta2, p.mul(p.mul(g, g), rest2))
      const denominator = p.fma(p.two('sqrt', v), correction, eps)
      const value = p.mul(p.load({ base: pAt, index: at }, mask), keep)
      p.store({ base: mAt, index: at }, m, mask)
      p.store({ base: vAt, index: at }, v, mask)
      p.store({ base: pAt, index: at }, p.sub(value, p.div(p.mul(m, step), denominator)), mask)
    })
  })
}

/** args: table (g), count, sums (float64 [blocks]). Sum of squares of a block, in float64. */
function squareSums(frame: KernelFrame): void {
  const { p, pointer } = frame
  eachBlock(frame, ({ tensor, count }, item) => {
    const g = tensor(0)
    const [a, b] = [p.zero(), p.zero()]
    p.elements(count, (at, mask) => {
      const x = p.load({ base: g, index: at }, mask)
      for (const [sum, half] of [
        [a, x],
        [b, p.upperHalf(x)],
      ] as const) {
        const doubles = p.two('floatsToDoubles', half)
        p.accumulate(sum, doubles, doubles, 'fma231Doubles')
      }
    })
    let sum = p.three('addDoubles', a, b)
    if (p.lanes === 16) sum = p.three('addDoubles', sum, p.upperHalf(sum))
    sum = p.three('addDoubles', sum, p.quarter(sum, 1))
    sum = p.three('addDouble', sum, p.shaped('shuffle', sum, sum, 0b01_00_11_10))
    p.storeScalar({ base: pointer(2), index: item, scale: 8 }, sum, 8)
  })
}

export const optimizerKernels: Readonly<Record<string, Write>> = { adamW, squareSums }
