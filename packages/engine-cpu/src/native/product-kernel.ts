// The inner loops of a matrix product for AVX-512: c = (accumulate ? c : 0) + a · b for strips of 14 rows, one after another
// below each other, times one strip of 32 columns. 28 accumulators, two registers of b, two of a's broadcast values in turn.
// Each element is the same chain of fused multiply-adds in ascending order of the depth as assembly/matmul.ts computes.
import { Assembler, registers } from './assembler.ts'

/** Rows of a strip of the left operand, columns of one of the right operand. */
export const nativeRows = 14
export const nativeColumns = 32

const { rax, rcx, rdx, rsp, rsi, rdi, r8, r9, r10, r11 } = registers
const [low, high] = [1, 2] as const
const accumulator = (row: number, half: 0 | 1) => 2 * row + half

export interface ProductKernel {
  /** Rows that each strip has: fewer than 14 for the last one of a product only. */
  readonly rows: number
  readonly accumulate: boolean
}

/**
 * void kernel(a: rdi, b: rsi, c: rdx, steps: rcx, bytes per row of c: r8, strips · 2³² + mask of columns: r9,
 * bytes per strip of a: stack). Steps and strips are at least 1. Outside the mask nothing is read or written of c.
 */
export function assembleProduct({ rows, accumulate }: ProductKernel): Uint8Array {
  const code = new Assembler()
  code.move(r10, { base: rsp, displacement: 8 })
  code.move(rax, r9)
  code.setMask(low, rax)
  code.shiftRight(rax, 16)
  code.setMask(high, rax)
  code.move(r11, r9)
  code.shiftRight(r11, 32)

  const eachRow = (visit: (row: number) => void) => {
    code.move(rax, rdx)
    for (let row = 0; row < rows; row++) {
      visit(row)
      code.add(rax, r8)
    }
  }
  const strip = code.here
  if (accumulate) {
    eachRow((row) => {
      code.load(accumulator(row, 0), { base: rax, displacement: 0 }, low)
      code.load(accumulator(row, 1), { base: rax, displacement: 64 }, high)
    })
  } else for (let register = 0; register < 2 * rows; register++) code.zero(register)

  code.push(rcx)
  code.move(r9, rdi)
  code.move(rax, rsi)
  const step = code.here
  code.load(28, { base: rax, displacement: 0 })
  code.load(29, { base: rax, displacement: 64 })
  for (let row = 0; row < rows; row++) {
    const value = 30 + (row & 1)
    code.broadcast(value, { base: r9, displacement: 4 * row })
    code.multiplyAdd(accumulator(row, 0), value, 28)
    code.multiplyAdd(accumulator(row, 1), value, 29)
  }
  code.addConstant(r9, 4 * nativeRows)
  code.addConstant(rax, 4 * nativeColumns)
  code.decrement(rcx)
  code.jumpIfNotZero(step)
  code.pop(rcx)

  eachRow((row) => {
    code.store(accumulator(row, 0), { base: rax, displacement: 0 }, low)
    code.store(accumulator(row, 1), { base: rax, displacement: 64 }, high)
  })
  // rax is at the row after the strip.
  code.move(rdx, rax)
  code.add(rdi, r10)
  code.decrement(r11)
  code.jumpIfNotZero(strip)
  code.return()
  return code.code
}
