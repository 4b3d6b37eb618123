// The forms in which products are computed: how operands are packed, how results are cut into tiles, and by which kernels,
// as the processor and the precision have it.
import { amxFloat32Work } from './native/amx-float32.ts'
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
  /** None where the multiplying kernel takes operands as they lie, whatever their strides. */
  readonly pack?: 'packStrips' | 'packStripsRounded' | 'packStripsBfloat16' | 'packStripsAmx'
  readonly multiply: 'multiplyTiles' | 'multiplyTilesBfloat16' | 'multiplyTilesAmx' | 'multiplyTilesAmxFloat32'
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
  /** Of a thread's work area, for tiles of this size. */
  readonly workBytes: (tileM: number, tileN: number) => number
}

const chunk = 60_000
const workBytes = () => 256

/**
 * From which on AMX is worth its packing in float32: rows and columns of a square product, and the steps that are packed
 * at a time.
 */
const worthPacking = { side: 80, depth: 32 } as const

/** What a form is chosen by. */
type Sizes = Readonly<Record<'m' | 'n' | 'k', number>>

/** The form of a product in a precision, by what kernels there are. */
export function formOf(native: Processor | string, precision: 'float32' | 'bfloat16', { m, n, k }: Sizes): Form {
  const { plain, large } = formsOf(native, precision)
  // What is gained grows with m · n · k, what is packed with (m + n) · k.
  return large && k >= worthPacking.depth && 2 * m * n >= worthPacking.side * (m + n) ? large : plain
}

interface Forms {
  readonly plain: Form
  /** Where products of many rows and columns have another. */
  readonly large?: Form
}

const known = { float32: new Map<Processor | string, Forms>(), bfloat16: new Map<Processor | string, Forms>() }

function formsOf(native: Processor | string, precision: 'float32' | 'bfloat16'): Forms {
  const found = known[precision].get(native)
  if (found) return found
  const forms = createForms(native, precision)
  known[precision].set(native, forms)
  return forms
}

function createForms(native: Processor | string, precision: 'float32' | 'bfloat16'): Forms {
  const layout = typeof native === 'string' ? portable : native.set === 'avx512' ? wide : narrow
  const plain = { ...layout, perWord: 1, depthStep: 1, chunk, workBytes } as const
  const packed = { left: false, right: false, farLeft: false }
  const amx = { ...ofAmx, inPlace: packed } as const
  if (precision === 'float32') {
    const left = typeof native !== 'string'
    const inPlace = { left, right: layout === wide, farLeft: left && native.firstLevelWays >= 12 }
    const form = { ...plain, pack: 'packStrips', multiply: 'multiplyTiles', inPlace } as const
    if (typeof native === 'string' || !native.amxFloat32) return { plain: form }
    return {
      plain: form,
      large: {
        ...amx,
        multiply: 'multiplyTilesAmxFloat32',
        tiles: tiles(amxStrips.rows, [
          [16, 256],
          [16, 128],
          [8, 128],
          [4, 128],
          [4, 64],
        ]),
        perWord: 1,
        depthStep: 1,
        chunk: 4 * chunk,
        workBytes: (tileM, tileN) => amxFloat32Work.bytes + amxFloat32Work.perLine * (tileM + tileN),
      },
    }
  }
  if (typeof native === 'string' || !native.bfloat16)
    return { plain: { ...plain, pack: 'packStripsRounded', multiply: 'multiplyTiles', inPlace: packed } }
  if (native.amx) {
    const names = { pack: 'packStripsAmx', multiply: 'multiplyTilesAmx' } as const
    return {
      plain: { ...amx, ...names, perWord: 2, depthStep: amxDepth, chunk: 10 * chunk, workBytes: () => amxWorkBytes },
    }
  }
  const names = { pack: 'packStripsBfloat16', multiply: 'multiplyTilesBfloat16' } as const
  return { plain: { ...plain, ...names, perWord: 2, depthStep: 2, inPlace: packed } }
}

export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple

/** Words of a strip that a row's numbers take. */
export const wordsOf = ({ perWord, depthStep }: Form, depth: number): number => roundUp(depth, depthStep) / perWord
