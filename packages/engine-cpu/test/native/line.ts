// An instruction as a test sees it: what emits it, and what a disassembler has to read.
import { type Arbitrary, tuple } from 'fast-check'
import type { Assembler } from '../../src/native/assembler.ts'
import type { Label } from '../../src/native/instructions.ts'

export interface Line {
  readonly emit: (assembler: Assembler, label: Label) => void
  /** The text; `place` is where its constant lies. */
  readonly text: (place: string) => string
  /** Bits of a constant that it reads. */
  readonly constant?: number
  /** Of a jump: where its target, written LABEL, is in the program, from 0 to 1. */
  readonly target?: number
}

/** An instruction of these operands. */
export const simple = <T extends readonly unknown[]>(
  operands: { readonly [K in keyof T]: Arbitrary<T[K]> },
  emit: (assembler: Assembler, ...of: T) => void,
  text: (...of: T) => string,
): Arbitrary<Line> =>
  (tuple(...(operands as readonly Arbitrary<unknown>[])) as unknown as Arbitrary<T>).map((of) => ({
    emit: (a) => emit(a, ...of),
    text: () => text(...of),
  }))
