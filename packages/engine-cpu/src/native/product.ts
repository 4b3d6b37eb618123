// Products: the twin of `multiplyTiles` in assembly/matmul.ts, which here reads operands packed in strips or where they
// lie, as the record's strides say. A tile of the result is cut into blocks of 14 × 32 (AVX-512) or 6 × 16 (AVX2), whose
// sums stay in registers. Each element is the same chain of fused multiply-adds in ascending order of the depth as
// WebAssembly computes. With bfloat16 a step of the packed strips is a pair of numbers of each row (avx512_bf16).
// A gated unit may follow: it then finds in the cache what was multiplied, instead of on a way to memory and back.
// Tiles of AMX are multiplied by amx-product.ts, and share everything here but that.
import { amxFloat32Work, type Kept, multiplyFloat32ByAmx } from './amx-float32.ts'
import { amxStrips, amxWorkBytes, configurationBytes, configureAmx, multiplyByAmx } from './amx-product.ts'
import { gatedGradRow, gatedName, gatedRow } from './elementwise.ts'
import type { InstructionSet } from './instructions.ts'
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Mask, Place, Program, Vector } from './program.ts'
import { findRecord, productWord } from './records.ts'
import { type ActivationName, activationNames, expm1, sigmoid } from './vector-math.ts'

/** Rows of a strip of the left operand, columns of one of the right operand. */
export interface StripShape {
  readonly rows: number
  readonly columns: number
}

export const stripShape: Record<InstructionSet, StripShape> = {
  avx2: { rows: 6, columns: 16 },
  avx512: { rows: 14, columns: 32 },
}

/** DEPTH of assembly/matmul.ts: 32 KiB of the right operand stay in the first-level cache. */
const depthOfPass = 256

/** Bytes. */
const cacheLine = 64
/** Steps before its use in which an operand is asked for: rows that are far apart are not foreseen by the processor. */
const stepsAhead = 8

/**
 * Words of a record: behind the common ones, bytes from row to row, step to step and strip to strip. Of what AMX multiplies
 * in float32, which is not packed before, `rightStrip` is that of whole strips as well.
 */
const word = {
  ...productWord,
  leftRow: 10,
  leftStep: 11,
  leftStrip: 12,
  rightStep: 13,
  rightStrip: 14,
  beside: 15,
} as const

/** How a strip of the left operand is read: its rows side by side, or each by itself (`leftRow` > 0), its steps side by side. */
type Left = 'columns' | 'rows'
type Dot = 'fma231' | 'dotBfloat16'
/** What multiplies: these instructions, or AMX bfloat16 or float32. */
type By = Dot | 'amx' | 'amxFloat32'

/**
 * A gated unit of the products, in numbers of F columns, n in the record. As value, the product is gate ‖ up, both F
 * columns wide, and act(gate) · up is written to rows of F at `beside`. As gradient, it is the unit's dy, gate ‖ up are
 * rows of 2F at `beside`, and their gradient takes its place.
 */
interface Unit {
  readonly activation: ActivationName
  readonly as: 'value' | 'gradient'
}

/**
 * args: records, count of records, tileM, tileN, activation, its parameter, and of AMX a work area. Item: a tile; of a unit's
 * value, of both halves.
 */
export const multiplyTiles =
  (by: By, unit?: Unit): Write =>
  (frame) => {
    const { p, begin, end, memory } = frame
    const isAmx = by === 'amx' || by === 'amxFloat32'
    const { rows: stripRows, columns: stripColumns } = isAmx ? amxStrips : stripShape[p.instructionSet]
    const amx = isAmx ? startAmx(frame, by) : undefined
    p.range(begin, end, 1, (item) => {
      const record = findRecord(frame, item, 16, word.first)
      const field = (name: keyof typeof word) => p.loadInt({ base: record, displacement: 4 * word[name] }, 'int32')
      const address = (name: 'left' | 'right' | 'result') =>
        p.plus(p.loadUnsigned({ base: record, displacement: 4 * word[name] }), memory)
      const tile = p.minus(item, field('first'))
      const tilesN = field('tilesN')
      const tileRow = p.quotient(tile, tilesN)
      const column = p.times(p.minus(tile, p.times(tileRow, tilesN)), frame.integer(3))
      const row = p.times(tileRow, frame.integer(2))
      const rows = p.smaller(frame.integer(2), p.minus(field('m'), row))
      const columns = p.smaller(frame.integer(3), p.minus(field('n'), column))
      const stride = p.shifted(field('resultRow'), 'left', 2)
      const strips = (size: number, at: Int) => p.quotient(at, p.int(size))
      const left = p.plus(address('left'), p.times(strips(stripRows, row), field('leftStrip')))
      const right = p.plus(address('right'), p.times(strips(stripColumns, column), field('rightStrip')))
      const result = p.plus(p.address({ base: address('result'), index: column, scale: 4 }), p.times(row, stride))
      const strides = {
        depth: field('k'),
        leftRow: field('leftRow'),
        leftStep: field('leftStep'),
        leftStrip: field('leftStrip'),
        rightStep: field('rightStep'),
        rightStrip: field('rightStrip'),
      }
      const multiply = (right: Int, result: Int) => {
        const of = { left, right, result, rows, columns, stride, ...strides }
        if (by === 'amx') return multiplyByAmx(p, { ...of, work: amx!.work, words: strides.depth, parts: 1 })
        if (by === 'amxFloat32') {
          const rightColumn = p.quotient(strides.rightStrip, p.int(stripColumns))
          const to = { ...of, rightColumn, work: amx!.work }
          return multiplyFloat32ByAmx(p, to, amx!.room, { record, row }, amx!.kept)
        }
        if (by === 'dotBfloat16') return multiplyTile(p, by, 'columns', of)
        const ofKind = (kind: Left) => () => multiplyTile(p, by, kind, of)
        p.if(strides.leftRow, '>', 0, ofKind('rows'), ofKind('columns'))
      }
      if (!unit) {
        multiply(right, result)
        return finishTile(frame, record, { result, rows, columns, stride, column })
      }
      const width = field('n')
      const half = p.shifted(width, 'left', 2)
      const halves = p.times(strips(stripColumns, width), strides.rightStrip)
      p.range(0, unit.as === 'value' ? 2 : 1, 1, (i) =>
        multiply(p.plus(right, p.times(i, halves)), p.plus(result, p.times(i, half))),
      )
      const besideRow = unit.as === 'value' ? half : p.plus(half, half)
      const beside = p.address({
        base: p.plus(
          p.plus(p.loadUnsigned({ base: record, displacement: 4 * word.beside }), memory),
          p.times(row, besideRow),
        ),
        index: column,
        scale: 4,
      })
      p.range(0, rows, 1, () => {
        if (unit.as === 'value') gatedRow(p, unit.activation, { x: result, y: beside, columns, half })
        else gatedGradRow(p, unit.activation, { x: beside, dy: result, dx: result, columns, half })
        p.increase(result, stride)
        p.increase(beside, besideRow)
      })
    })
    if (isAmx) p.releaseTiles()
  }

/** Tiles are configured; where a block of sums has room, and behind it what the thread packs. */
function startAmx(frame: KernelFrame, by: 'amx' | 'amxFloat32'): { work: Int; room: Int; kept: Kept } {
  const { p, pointer, thread, integer } = frame
  const { bytes, perLine } = amxFloat32Work
  const own = by === 'amx' ? p.int(amxWorkBytes) : p.plus(p.times(p.plus(integer(2), integer(3)), perLine), bytes)
  const work = configureAmx(frame, p.plus(pointer(6), p.times(thread, own)))
  return {
    work,
    room: p.plus(work, amxWorkBytes - configurationBytes),
    kept: { record: p.int(0), row: p.int(0) },
  }
}

export interface Tile {
  readonly left: Int
  readonly right: Int
  readonly result: Int
  readonly rows: Int
  readonly columns: Int
  /** Steps. */
  readonly depth: Int
  /** Bytes from row to row of the result. */
  readonly stride: Int
  /** Bytes from row to row of a strip, from step to step, and from strip to strip. */
  readonly leftRow: Int
  readonly leftStep: Int
  readonly leftStrip: Int
  readonly rightStep: Int
  readonly rightStrip: Int
}

function multiplyTile(p: Program, dot: Dot, kind: Left, tile: Tile): void {
  const { rows: stripRows, columns: stripColumns } = stripShape[p.instructionSet]
  const { left, right, result, rows, columns, depth, leftStep, leftStrip, rightStep, rightStrip } = tile
  const done = p.int(0)
  p.while(done, '<', depth, () => {
    const steps = p.minus(depth, done)
    p.if(steps, '>', depthOfPass, () => p.set(steps, depthOfPass))
    const b = p.plus(right, p.times(done, rightStep))
    const c = p.copy(result)
    const columnsLeft = p.copy(columns)
    p.while(columnsLeft, '>', 0, () => {
      const masks = () => [p.firstLanesOf(columnsLeft), p.firstLanesOf(p.minus(columnsLeft, p.lanes))] as const
      // With AVX2 masks are vectors, for which there is no room while the sums are made.
      const kept = p.lanes === 16 ? masks() : undefined
      const a = p.plus(left, p.times(done, leftStep))
      const to = p.copy(c)
      const rowsLeft = p.copy(rows)
      const block = (count: number) =>
        strip(p, dot, kind, count, { ...tile, a, b, c: to, steps, done, columnsLeft, masks: () => kept ?? masks() })
      p.while(rowsLeft, '>=', stripRows, () => {
        block(stripRows)
        p.increase(a, leftStrip)
        p.increase(rowsLeft, -stripRows)
      })
      for (let count = 1; count < stripRows; count++) p.if(rowsLeft, '==', count, () => block(count))
      p.increase(c, 4 * stripColumns)
      p.increase(b, rightStrip)
      p.increase(columnsLeft, -stripColumns)
    })
    p.increase(done, depthOfPass)
  })
}

interface Block extends Pick<Tile, 'stride' | 'leftRow' | 'leftStep' | 'rightStep'> {
  readonly a: Int
  readonly b: Int
  /** Moves on to the row after the block. */
  readonly c: Int
  readonly steps: Int
  /** Steps that were done before: where there are any, sums go on from the result. */
  readonly done: Int
  readonly columnsLeft: Int
  readonly masks: () => readonly [low: Mask, high: Mask]
}

/** `count` rows of a strip of the left operand times one strip of the right one. */
function strip(p: Program, dot: Dot, kind: Left, count: number, block: Block): void {
  const { b, c, steps, stride, done, columnsLeft, masks, rightStep } = block
  const sums = Array.from({ length: count }, () => [p.zero(), p.zero()] as const)
  const eachRow = (visit: (at: Int, sums: readonly [Vector, Vector]) => void) => {
    const at = p.copy(c)
    for (const pair of sums) {
      visit(at, pair)
      p.increase(at, stride)
    }
    return at
  }
  // Else the stores at the end would wait for their lines, one after the other.
  eachRow((at) => {
    p.prefetchToWrite({ base: at })
    p.prefetchToWrite({ base: at, displacement: p.width })
  })
  p.if(done, '>', 0, () => {
    const [low, high] = masks()
    eachRow((at, [first, second]) => {
      p.loadInto(first, { base: at }, low)
      p.loadInto(second, { base: at, displacement: p.width }, high)
    })
  })
  const { read, advance, unroll, far } = reader(p, kind, count, block)
  const [of, left] = [p.copy(b), p.copy(steps)]
  const multiply = (inside: readonly Mask[]) => {
    const step = (i: number) => {
      for (let line = 0; line < 2 * p.width; line += cacheLine)
        p.prefetch({ base: of, index: rightStep, scale: stepsAhead, displacement: line })
      for (const place of far) p.prefetch(place)
      const [first, second] = [p.load({ base: of }, inside[0]), p.load({ base: of, displacement: p.width }, inside[1])]
      for (const [row, pair] of sums.entries()) {
        const value = p.broadcast(read(row, i))
        p.accumulate(pair[0], value, first, dot)
        p.accumulate(pair[1], value, second, dot)
      }
      p.increase(of, rightStep)
    }
    p.while(left, '>=', unroll, () => {
      for (let i = 0; i < unroll; i++) step(i)
      advance(unroll)
      p.increase(left, -unroll)
    })
    if (unroll > 1)
      p.while(left, '>', 0, () => {
        step(0)
        advance(1)
        p.increase(left, -1)
      })
  }
  // With AVX2 there is no room for masks here: the right operand is packed, in whole vectors. On Intel's processors a load
  // with a mask takes the place of a multiplication as well.
  const whole = () => multiply([])
  if (p.lanes === 16) p.if(columnsLeft, '>=', 2 * p.lanes, whole, () => multiply(masks()))
  else whole()
  const [low, high] = masks()
  const after = eachRow((at, [first, second]) => {
    p.store({ base: at }, first, low)
    p.store({ base: at, displacement: p.width }, second, high)
  })
  p.set(c, after)
}

interface Reader {
  read(row: number, step: number): Place
  advance(steps: number): void
  readonly unroll: number
  /** What a later step will read, to be asked for. */
  readonly far: readonly Place[]
}

function reader(p: Program, kind: Left, count: number, { a, leftStep, leftRow }: Block): Reader {
  const at = p.copy(a)
  if (kind === 'columns') {
    const ahead = { base: at, index: leftStep, scale: stepsAhead } as const
    return {
      read: (row) => ({ base: at, displacement: 4 * row }),
      advance: () => p.increase(at, leftStep),
      unroll: 1,
      // A strip lies across two lines as often as not.
      far: [ahead, { ...ahead, displacement: 4 * (count - 1) }],
    }
  }
  // Fourteen rows from three of them, the distance between two, and three times it.
  const three = p.plus(leftRow, leftRow)
  p.increase(three, leftRow)
  const second = p.address({ base: at, index: leftRow, scale: 2 })
  const fifth = p.plus(second, three)
  const places: readonly Omit<Place, 'displacement'>[] = [
    { base: at },
    { base: at, index: leftRow },
    { base: second },
    { base: at, index: three },
    { base: at, index: leftRow, scale: 4 },
    { base: fifth },
    { base: at, index: three, scale: 2 },
    { base: fifth, index: leftRow, scale: 2 },
    { base: at, index: leftRow, scale: 8 },
    { base: fifth, index: leftRow, scale: 4 },
    { base: second, index: leftRow, scale: 8 },
    { base: fifth, index: three, scale: 2 },
    { base: at, index: three, scale: 4 },
    { base: fifth, index: leftRow, scale: 8 },
  ]
  return {
    read: (row, step) => ({ ...places[row]!, displacement: 4 * step }),
    advance(steps) {
      for (const base of [at, second, fifth]) p.increase(base, 4 * steps)
    },
    unroll: 4,
    far: [],
  }
}

/** Bias and activation of a tile that is multiplied: 1 relu, 2 relu6, 3 leakyrelu, 4 sigmoid, 5 elu. */
export function finishTile(
  { p, memory, integer, float }: KernelFrame,
  record: Int,
  { result, rows, columns, stride, column }: Pick<Tile, 'result' | 'rows' | 'columns' | 'stride'> & { column: Int },
): void {
  const bias = p.loadUnsigned({ base: record, displacement: 4 * word.bias })
  const eachVector = (change: (x: Vector, at: Int, mask?: Mask) => Vector) => {
    const row = p.copy(result)
    p.range(0, rows, 1, () => {
      p.elements(columns, (at, mask) => {
        const place = { base: row, index: at }
        p.store(place, change(p.load(place, mask), at, mask), mask)
      })
      p.increase(row, stride)
    })
  }
  p.if(bias, '!=', 0, () => {
    const from = p.address({ base: p.plus(bias, memory), index: column, scale: 4 })
    eachVector((x, at, mask) => p.add(x, p.load({ base: from, index: at }, mask)))
  })
  const activation = integer(4)
  const zero = () => p.constant(0)
  const activations: readonly ((x: Vector) => Vector)[] = [
    (x) => p.select(p.compare(x, 'unordered', x), x, p.max(x, zero())),
    (x) => p.select(p.compare(x, 'unordered', x), x, p.min(p.max(x, zero()), p.constant(6))),
    (x) => p.select(p.compare(x, 'less', zero()), p.mul(x, float(5)), x),
    (x) => sigmoid(p, x),
    (x) => p.select(p.compare(x, 'less', zero()), expm1(p, x), x),
  ]
  for (const [i, activate] of activations.entries()) p.if(activation, '==', i + 1, () => eachVector((x) => activate(x)))
}

const plain: Readonly<Record<string, (unit?: Unit) => Write>> = {
  multiplyTiles: (unit) => multiplyTiles('fma231', unit),
  multiplyTilesBfloat16: (unit) => multiplyTiles('dotBfloat16', unit),
  multiplyTilesAmx: (unit) => multiplyTiles('amx', unit),
  multiplyTilesAmxFloat32: (unit) => multiplyTiles('amxFloat32', unit),
}

/** The name of the kernel that has a gated unit behind its products. */
export const followedBy = (kernel: string, activation: string, as: Unit['as']): string =>
  `${kernel}_${gatedName(activation)}${as === 'gradient' ? 'Grad' : ''}`

export const productKernels: Readonly<Record<string, Write>> = Object.fromEntries(
  Object.entries(plain).flatMap(([name, write]) => [
    [name, write()],
    ...activationNames.flatMap((activation) =>
      (['value', 'gradient'] as const).map(
        (as) => [followedBy(name, activation, as), write({ activation, as })] as const,
      ),
    ),
  ]),
)
