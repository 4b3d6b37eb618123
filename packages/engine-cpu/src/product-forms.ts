// The forms in which products are computed: how operands are packed, how results are cut into tiles, and by which kernels,
// as the processor and the precision have it.
import { amxDepth, amxStrips, amxWorkBytes } from './native/amx-product.ts'
import type { Processor } from './native/executable.ts'
import { stripShape } from './native/product.ts'

/** How operands are packed and results cut up: as the micro-kernel wants it. */
interface Layout {
  /** Of a strip of the left operand. */
  readonly rows: number
  /** Of a strip of the right operand. */
  readonly columns: number
  /** Tiles of the result, largest first; multiples of the strips. */
  readonly tiles: readonly { readonly tileM: number; readonly tileN: number }[]
}

const tiles = (strip: number, sizes: readonly (readonly [strips: number, tileN: number])[]) =>
  sizes.map(([strips, tileN]) => ({ tileM: strip * strips, tileN }))

const portable: Layout = {
  rows: 6,
  columns: 8,
  tiles: tiles(6, [
    [16, 256],
    [16, 128],
    [16, 64],
    [8, 64],
    [4, 64],
    [2, 32],
  ]),
}

const wide: Layout = {
  ...stripShape.avx512,
  tiles: tiles(stripShape.avx512.rows, [
    [7, 256],
    [7, 128],
    [7, 64],
    [4, 64],
    [2, 64],
    [1, 32],
  ]),
}

const ofAmx: Layout = {
  ...amxStrips,
  tiles: tiles(amxStrips.rows, [
    [16, 256],
    [8, 256],
    [8, 128],
    [4, 128],
    [4, 64],
    [2, 64],
    [2, 32],
  ]),
}

const narrow: Layout = { ...portable, ...stripShape.avx2 }

/** A layout, and the kernels that pack into it and multiply. */
export interface Form extends Layout {
  readonly pack: 'packStrips' | 'packStripsRounded' | 'packStripsBfloat16' | 'packStripsAmx'
  readonly multiply: 'multiplyTiles' | 'multiplyTilesBfloat16' | 'multiplyTilesAmx'
  /** Numbers of a row that lie in one word of a strip. */
  readonly perWord: 1 | 2
  /** A strip's depth is filled up to a multiple of this. */
  readonly depthStep: number
  /** Whether operands whose layout allows it are read where they lie. */
  readonly inPlace: {
    readonly left: boolean
    readonly right: boolean
    /** Also a left one whose rows all lie in one set of the first-level cache: it has lines for most of a strip's. */
    readonly farLeft: boolean
  }
  /** Multiplications, of words, that are worth handing to a thread: some microsecond's. */
  readonly chunk: number
  /** Of a thread's work area. */
  readonly workBytes: number
}

const chunk = 60_000
const workBytes = 256

/** The form of products in a precision, by what kernels there are. */
export function formOf(native: Processor | string, precision: 'float32' | 'bfloat16' = 'float32'): Form {
  const layout = typeof native === 'string' ? portable : native.set === 'avx512' ? wide : narrow
  const plain = { ...layout, perWord: 1, depthStep: 1, chunk, workBytes } as const
  const packed = { left: false, right: false, farLeft: false }
  if (precision !== 'bfloat16') {
    const left = typeof native !== 'string'
    const inPlace = { left, right: layout === wide, farLeft: left && native.firstLevelWays >= 12 }
    return { ...plain, pack: 'packStrips', multiply: 'multiplyTiles', inPlace }
  }
  if (typeof native === 'string' || !native.bfloat16)
    return { ...plain, pack: 'packStripsRounded', multiply: 'multiplyTiles', inPlace: packed }
  const pairs = { ...plain, perWord: 2, inPlace: packed } as const
  if (!native.amx) return { ...pairs, depthStep: 2, pack: 'packStripsBfloat16', multiply: 'multiplyTilesBfloat16' }
  return {
    ...pairs,
    ...ofAmx,
    depthStep: amxDepth,
    pack: 'packStripsAmx',
    multiply: 'multiplyTilesAmx',
    chunk: 10 * chunk,
    workBytes: amxWorkBytes,
  }
}

export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple

/** Words of a strip that a row's numbers take. */
export const wordsOf = ({ perWord, depthStep }: Form, depth: number): number => roundUp(depth, depthStep) / perWord
