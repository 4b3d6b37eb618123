// What the assembler knows of instructions: registers and operands, and tables of vector instructions under names that
// AVX2 and AVX-512 share. A new instruction is a line here, and one in test/native/instructions.ts.

/** The instruction set that code is made for. */
export type InstructionSet = 'avx2' | 'avx512'

/** 64-bit registers by their numbers. System V: the first six arguments are in rdi, rsi, rdx, rcx, r8, r9. */
export const registers = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const

/** [base + index · scale + displacement], in bytes. */
export interface Address {
  readonly base: number
  readonly index?: number
  readonly scale?: 1 | 2 | 4 | 8
  readonly displacement?: number
}

/** A number that lies behind the code, in all lanes. */
export interface Constant {
  readonly bits: number
}

/** The numbers of the lanes as float32: 0, 1, 2, … (AVX2 only). */
export const laneNumbers: Constant = { bits: -1 }

export type Operand = number | Address | Constant

export const isConstant = (operand: Operand): operand is Constant => typeof operand === 'object' && 'bits' in operand

/** Opcode map (1: 0F, 2: 0F38, 3: 0F3A), mandatory prefix (0: none, 1: 66, 2: F3, 3: F2), opcode, the bit W. */
export type Encoding = readonly [map: 1 | 2 | 3, prefix: 0 | 1 | 2 | 3, opcode: number, w?: 1]

/** target = f(second, operand). */
export const threeOperands = {
  add: [1, 0, 0x58],
  mul: [1, 0, 0x59],
  sub: [1, 0, 0x5c],
  min: [1, 0, 0x5d],
  div: [1, 0, 0x5e],
  max: [1, 0, 0x5f],
  and: [1, 1, 0xdb],
  andNot: [1, 1, 0xdf],
  or: [1, 1, 0xeb],
  xor: [1, 1, 0xef],
  addInt: [1, 1, 0xfe],
  subInt: [1, 1, 0xfa],
  /** target = target · operand + second; second · target + operand; second · operand + target. */
  fma132: [2, 1, 0x98],
  fma213: [2, 1, 0xa8],
  fma231: [2, 1, 0xb8],
  unpackLow: [1, 0, 0x14],
  unpackHigh: [1, 0, 0x15],
  unpackLowPairs: [1, 1, 0x14, 1],
  unpackHighPairs: [1, 1, 0x15, 1],
  addDoubles: [1, 1, 0x58, 1],
  fma231Doubles: [2, 1, 0xb8, 1],
  /** target += the products of pairs of bfloat16 (avx512_bf16). */
  dotBfloat16: [2, 2, 0x52],
  /** Lanes of operand and then of second as bfloat16 (avx512_bf16). */
  toBfloat16: [2, 3, 0x72],
  addDouble: [1, 3, 0x58, 1],
  mulDouble: [1, 3, 0x59, 1],
  subDouble: [1, 3, 0x5c, 1],
  divDouble: [1, 3, 0x5e, 1],
  doubleToFloat: [1, 3, 0x5a, 1],
  floatToDouble: [1, 2, 0x5a],
} as const satisfies Record<string, Encoding>
export type ThreeOperands = keyof typeof threeOperands

/** target = f(operand). */
export const twoOperands = {
  move: [1, 0, 0x28],
  load: [1, 0, 0x10],
  broadcast: [2, 1, 0x18],
  sqrt: [1, 0, 0x51],
  intToFloat: [1, 0, 0x5b],
  truncate: [1, 2, 0x5b],
  /** The lower half's lanes as float64. */
  floatsToDoubles: [1, 0, 0x5a],
  /** Every lane as bfloat16 into the lower half (avx512_bf16), and the lower half's 16-bit lanes as 32-bit ones. */
  narrowToBfloat16: [2, 2, 0x72],
  widen: [2, 1, 0x33],
} as const satisfies Record<string, Encoding>
export type TwoOperands = keyof typeof twoOperands

/** target = f(second, operand) with a constant in the instruction. */
export const withConstant = {
  shuffle: [1, 0, 0xc6],
  shuffleQuarters: [3, 1, 0x23],
  swapHalves: [3, 1, 0x06],
  /** Four lanes of memory in the place of those from 4 · constant on. */
  insertQuarter: [3, 1, 0x18],
} as const satisfies Record<string, Encoding>
export type WithConstant = keyof typeof withConstant

/** Predicates of comparisons: the quiet ones, as WebAssembly compares. */
export const predicates = {
  equal: 0,
  less: 17,
  lessEqual: 18,
  unordered: 3,
  notEqual: 4,
  greaterEqual: 29,
  greater: 30,
  notLess: 21,
}
export type Predicate = keyof typeof predicates

export const conditions = { '==': 4, '!=': 5, '<': 12, '>=': 13, '<=': 14, '>': 15 }
export type Condition = keyof typeof conditions

/** A place in the code, by identity. */
export interface Label {
  readonly label: true
}
