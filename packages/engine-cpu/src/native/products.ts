// The native twin of `multiplyTiles` (assembly/matmul.ts): finds the same tiles, and multiplies packed ones with machine
// code; what is not packed, and the epilogue, stays with WebAssembly. The results are the same bits.
import type { Kernel } from '../control.ts'
import type { WasmMemory } from '../web-assembly.ts'
import { addressOf, callable, makeExecutable, obstacle } from './executable.ts'
import { assembleProduct, nativeColumns, nativeRows } from './product-kernel.ts'

/** DEPTH of assembly/matmul.ts: 32 KiB of the right operand stay in the first-level cache. */
const depthOfPass = 256

/** Addresses of the kernels for 1 … 14 rows: that begin a sum, and that go on with it. What workers are sent. */
export interface NativeProducts {
  readonly begin: readonly number[]
  readonly accumulate: readonly number[]
}

let made: NativeProducts | string | undefined

/** The kernels, made once for the process; or, as text, why there are none. */
export function nativeProducts(): NativeProducts | string {
  return (made ??= make())
}

function make(): NativeProducts | string {
  const reason = obstacle()
  if (reason !== undefined) return reason
  const rows = Array.from({ length: nativeRows }, (_, i) => i + 1)
  try {
    const code = [false, true].flatMap((accumulate) =>
      rows.map((count) => assembleProduct({ rows: count, accumulate })),
    )
    const addresses = makeExecutable(code)
    return { begin: addresses.slice(0, nativeRows), accumulate: addresses.slice(nativeRows) }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What the module exports beside its kernels: `locateTile` and the globals in which it leaves what it found. */
interface Located {
  locateTile(args: number, item: number): number
  readonly tileLeft: { readonly value: number }
  readonly tileRight: { readonly value: number }
  readonly tileResult: { readonly value: number }
  readonly tileStride: { readonly value: number }
  readonly tileDepth: { readonly value: number }
  readonly tileRows: { readonly value: number }
  readonly tileColumns: { readonly value: number }
}

/**
 * `multiplyTiles` for this thread. Everything that lies in the memory is read by WebAssembly, which sees all of it at once
 * when another thread has let it grow; views in JavaScript would not.
 */
export function nativeMultiplyTiles(
  { begin, accumulate }: NativeProducts,
  memory: WasmMemory,
  exported: Readonly<Record<string, Kernel>>,
): Kernel {
  const call = (address: number) => callable(address, 7)
  const [first, further] = [begin.map(call), accumulate.map(call)]
  const base = addressOf(memory)
  const { multiplyTiles, finishTiles } = exported
  const located = exported as unknown as Located

  function multiply(): void {
    const [depth, stride, rows, columns] = [
      located.tileDepth.value,
      located.tileStride.value,
      located.tileRows.value,
      located.tileColumns.value,
    ]
    // Addresses are unsigned.
    const left = base + (located.tileLeft.value >>> 0)
    const right = base + (located.tileRight.value >>> 0)
    const result = base + (located.tileResult.value >>> 0)
    const whole = Math.floor(rows / nativeRows)
    const rest = rows - whole * nativeRows
    const strip = 4 * nativeRows * depth
    for (let k = 0; k < depth; k += depthOfPass) {
      const steps = Math.min(depthOfPass, depth - k)
      const kernels = k === 0 ? first : further
      const a = left + 4 * nativeRows * k
      for (let j = 0; j < columns; j += nativeColumns) {
        const mask = 2 ** Math.min(nativeColumns, columns - j) - 1
        const b = right + 4 * (j * depth + nativeColumns * k)
        const c = result + 4 * j
        if (whole > 0) kernels[nativeRows - 1]!(a, b, c, steps, stride, whole * 2 ** 32 + mask, strip)
        if (rest > 0) {
          kernels[rest - 1]!(
            a + whole * strip,
            b,
            c + whole * nativeRows * stride,
            steps,
            stride,
            2 ** 32 + mask,
            strip,
          )
        }
      }
    }
  }

  return (args, from, to) => {
    for (let item = from; item < to; item++) {
      if (located.locateTile(args, item) === 0) multiplyTiles!(args, item, item + 1)
      else {
        multiply()
        finishTiles!(args, item, item + 1)
      }
    }
  }
}
