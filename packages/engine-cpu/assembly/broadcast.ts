// How two operands are walked. Adjacent axes that move together are merged by the caller; what is left is an inner axis,
// along which each operand runs on (mode: both, only a, only b), and outer axes with a stride for each operand.
// args: a, b, out, length (inner), blocks (along the inner axis), mode, rank, then rank × (size, strideA, strideB),
// outermost first. Item: one block of one inner row.
import { intArgument } from './thread'

export const ONLY_A: i32 = 1 // b is one value along the inner axis
export const ONLY_B: i32 = 2

/** Stride of the only outer axis, 0 where there is none: the common case, kept out of the loop over rows. */
export function rowStride(args: usize, which: i32): i32 {
  return intArgument(args, 6) == 1 ? intArgument(args, 8 + which) : 0
}

/** Element offset of an inner row within operand a (which = 0) or b (1). */
export function rowOffset(args: usize, row: i32, which: i32): usize {
  let offset: i32 = 0
  for (let axis = intArgument(args, 6) - 1; axis >= 0; axis--) {
    const slot = 7 + axis * 3
    const stride = intArgument(args, slot + 1 + which)
    if (axis == 0) return <usize>(offset + row * stride)
    const size = intArgument(args, slot)
    const rest = row / size
    offset += (row - rest * size) * stride
    row = rest
  }
  return <usize>offset
}
