// What every native kernel starts with: void kernel(memory, args, begin, end, thread), where `memory` is the address of the
// engine's memory, `args` that of the arguments in it, [begin, end) the items, `thread` the thread's index. Arguments
// and items are those of the WebAssembly kernel of the same name, which can take its place at any time.
import type { InstructionSet } from './instructions.ts'
import { type Int, Program, type Vector } from './program.ts'

export const kernelParameters = 5

export interface KernelFrame {
  readonly p: Program
  readonly begin: Int
  readonly end: Int
  readonly thread: Int
  /** Address of the engine's memory. */
  readonly memory: Int
  /** Address of the arguments. */
  readonly args: Int
  /** Argument i as an address; 0 becomes the memory's own. */
  pointer(i: number): Int
  integer(i: number): Int
  /** Argument i as a float in all lanes. */
  float(i: number): Vector
}

/** A kernel for an instruction set. */
export type Write = (frame: KernelFrame) => void

export function assembleKernel(set: InstructionSet, write: Write): Uint8Array {
  const p = new Program(set, kernelParameters)
  const [memory, offset, begin, end, thread] = Array.from({ length: kernelParameters }, (_, i) => p.parameter(i)) as [
    Int,
    Int,
    Int,
    Int,
    Int,
  ]
  const args = p.plus(memory, offset)
  const place = (i: number) => ({ base: args, displacement: 8 * i })
  const integer = (i: number) => p.loadInt(place(i), 'float64')
  write({
    p,
    memory,
    begin,
    end,
    thread,
    args,
    integer,
    pointer: (i) => p.plus(integer(i), memory),
    float: (i) => {
      const scalar = p.loadScalar(place(i), 8)
      return p.broadcast(p.three('doubleToFloat', scalar, scalar))
    },
  })
  return p.assemble()
}
