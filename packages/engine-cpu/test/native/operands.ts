// Operands of instructions as random choices, and how a disassembler writes them.
import { type Arbitrary, constant, constantFrom, integer, oneof, option, record, tuple } from 'fast-check'
import type { Address, Constant, InstructionSet } from '../../src/native/instructions.ts'
import { laneNumbers } from '../../src/native/instructions.ts'

const names64 = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ')
const names32 = 'eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d'.split(' ')

export const name64 = (register: number): string => names64[register]!
export const name32 = (register: number): string => names32[register]!

/** A register of 64 bits; the stack's own is no operand of arithmetic. */
export const general: Arbitrary<number> = integer({ min: 0, max: 15 }).filter((register) => register !== 4)

export const vectorRegister = (set: InstructionSet): Arbitrary<number> =>
  integer({ min: 0, max: set === 'avx512' ? 31 : 15 })

export const hex = (value: number): string => `${value < 0 ? '-' : ''}0x${Math.abs(value).toString(16)}`

const sizeNames: Record<number, string> = {
  1: 'BYTE',
  4: 'DWORD',
  8: 'QWORD',
  16: 'XMMWORD',
  32: 'YMMWORD',
  64: 'ZMMWORD',
}

const displacements = oneof(
  constant(0),
  integer({ min: -128, max: 127 }),
  // Multiples of a vector, which short displacements of AVX-512 count in, and their neighbours.
  tuple(integer({ min: -132, max: 132 }), constantFrom(4, 8, 32, 64), constantFrom(0, 0, 0, 1, -4)).map(
    ([count, unit, off]) => count * unit + off,
  ),
  integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
)

/** Any base, the stack's and those that need a displacement or a second byte among them; any index but the stack's. */
export const addresses: Arbitrary<Address> = record({
  base: oneof(integer({ min: 0, max: 15 }), constantFrom(4, 5, 12, 13)),
  index: option(oneof(general, constantFrom(5, 12, 13)), { nil: undefined }),
  scale: constantFrom(1, 2, 4, 8),
  displacement: displacements,
}).map(({ base, index, scale, displacement }) => ({
  base,
  ...(index !== undefined && { index, scale }),
  ...(displacement !== 0 && { displacement }),
}))

/** Without a displacement a base of rbp or r13 has one of 0, written out. */
export function memory({ base, index, scale = 1, displacement = 0 }: Address, bytes: number): string {
  const indexed = index === undefined ? '' : `+${name64(index)}*${scale}`
  const isWritten = displacement !== 0 || (base & 7) === 5
  const moved = isWritten ? `${displacement < 0 ? '-' : '+'}0x${Math.abs(displacement).toString(16)}` : ''
  return `${sizeNames[bytes]} PTR [${name64(base)}${indexed}${moved}]`
}

/** Few, so that some occur several times in a program and share their place. */
export const constants = (set: InstructionSet): Arbitrary<Constant> =>
  oneof(
    integer({ min: 0, max: 40 }).map((i) => ({ bits: (0x3f800000 + i * 0x123457) >>> 0 })),
    constantFrom({ bits: 0x80000000 }, { bits: 0xffffffff }, { bits: 0 }, ...(set === 'avx2' ? [laneNumbers] : [])),
  )

export const signed32 = oneof(
  integer({ min: -129, max: 128 }),
  integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  constantFrom(-128, 127, -(2 ** 31), 2 ** 31 - 1),
)

/** A constant as an operand of 64 bits. */
export const immediate64 = (value: number): string => `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`
