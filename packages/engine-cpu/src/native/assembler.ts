// An encoder for the few x86-64 instructions that the kernels need: 512-bit vectors (EVEX), 64-bit integers, one kind of
// jump. Operands that lie in memory are always [base + 32-bit displacement]. Intel's manual, volume 2, sections 2.1 and 2.7.

/** 64-bit registers by their numbers. System V: the first six arguments are in rdi, rsi, rdx, rcx, r8, r9. */
export const registers = { rax: 0, rcx: 1, rdx: 2, rsp: 4, rsi: 6, rdi: 7, r8: 8, r9: 9, r10: 10, r11: 11 } as const
export type Register = (typeof registers)[keyof typeof registers]

export interface Memory {
  readonly base: Register
  /** In bytes. */
  readonly displacement: number
}

/** A vector register, zmm0 … zmm31. */
export type Vector = number

interface Evex {
  /** 1: 0F, 2: 0F38. */
  readonly map: 1 | 2
  /** 0: none, 1: 66. */
  readonly prefix: 0 | 1
  readonly opcode: number
  readonly register: Vector
  readonly second?: Vector
  readonly operand: Vector | Memory
  /** Mask register k1 … k7; 0: none. */
  readonly mask?: number
  /** Lanes outside the mask become 0, else they stay as they are. */
  readonly zeroing?: boolean
}

export class Assembler {
  readonly #bytes: number[] = []

  get code(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }

  /** The place of the next instruction, to jump back to. */
  get here(): number {
    return this.#bytes.length
  }

  #word32(value: number): void {
    this.#bytes.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255)
  }

  /** The operand bytes: a register, or [base + disp32] (rsp as a base needs one byte more). */
  #operand(register: number, operand: number | Memory): void {
    if (typeof operand === 'number') return void this.#bytes.push(0xc0 | ((register & 7) << 3) | (operand & 7))
    this.#bytes.push(0x80 | ((register & 7) << 3) | (operand.base & 7))
    if ((operand.base & 7) === 4) this.#bytes.push(0x24)
    this.#word32(operand.displacement)
  }

  #evex({ map, prefix, opcode, register, second = 0, operand, mask = 0, zeroing = false }: Evex): void {
    const inverted = (value: number, bit: number) => ((value >> bit) & 1) ^ 1
    const rm = typeof operand === 'number' ? operand : operand.base
    const x = typeof operand === 'number' ? inverted(operand, 4) : 1
    this.#bytes.push(
      0x62,
      (inverted(register, 3) << 7) | (x << 6) | (inverted(rm, 3) << 5) | (inverted(register, 4) << 4) | map,
      ((~second & 15) << 3) | 4 | prefix,
      (Number(zeroing) << 7) | (2 << 5) | (inverted(second, 4) << 3) | mask,
      opcode,
    )
    this.#operand(register, operand)
  }

  /** vmovups: loads 16 floats; with a mask only its lanes, the others are 0 and their memory is not touched. */
  load(target: Vector, source: Memory, mask = 0): void {
    this.#evex({ map: 1, prefix: 0, opcode: 0x10, register: target, operand: source, mask, zeroing: mask !== 0 })
  }

  /** vmovups: stores 16 floats, or those of the mask. */
  store(source: Vector, target: Memory, mask = 0): void {
    this.#evex({ map: 1, prefix: 0, opcode: 0x11, register: source, operand: target, mask })
  }

  /** vpxord with itself. */
  zero(target: Vector): void {
    this.#evex({ map: 1, prefix: 1, opcode: 0xef, register: target, second: target, operand: target })
  }

  /** vbroadcastss: one float in all lanes. */
  broadcast(target: Vector, source: Memory): void {
    this.#evex({ map: 2, prefix: 1, opcode: 0x18, register: target, operand: source })
  }

  /** vfmadd231ps: sum + a · b, rounded once. */
  multiplyAdd(sum: Vector, a: Vector, b: Vector): void {
    this.#evex({ map: 2, prefix: 1, opcode: 0xb8, register: sum, second: a, operand: b })
  }

  /** kmovw: the low 16 bits of one of rax … rdi into a mask register. */
  setMask(mask: number, source: Exclude<Register, 8 | 9 | 10 | 11>): void {
    this.#bytes.push(0xc5, 0xf8, 0x92, 0xc0 | (mask << 3) | source)
  }

  #integer(opcode: number, register: number, operand: number | Memory): void {
    const rm = typeof operand === 'number' ? operand : operand.base
    this.#bytes.push(0x48 | (register >= 8 ? 4 : 0) | (rm >= 8 ? 1 : 0), opcode)
    this.#operand(register, operand)
  }

  /** mov between registers, or from memory. */
  move(target: Register, source: Register | Memory): void {
    if (typeof source === 'number') this.#integer(0x89, source, target)
    else this.#integer(0x8b, target, source)
  }

  add(target: Register, source: Register): void {
    this.#integer(0x01, source, target)
  }

  addConstant(target: Register, value: number): void {
    this.#integer(0x81, 0, target)
    this.#word32(value)
  }

  /** shr by a constant. */
  shiftRight(target: Register, bits: number): void {
    this.#integer(0xc1, 5, target)
    this.#bytes.push(bits)
  }

  decrement(target: Register): void {
    this.#integer(0xff, 1, target)
  }

  /** jnz: back to `place` unless the last result was 0. */
  jumpIfNotZero(place: number): void {
    this.#bytes.push(0x0f, 0x85)
    this.#word32(place - (this.#bytes.length + 4))
  }

  push(register: Register): void {
    if (register >= 8) this.#bytes.push(0x41)
    this.#bytes.push(0x50 | (register & 7))
  }

  pop(register: Register): void {
    if (register >= 8) this.#bytes.push(0x41)
    this.#bytes.push(0x58 | (register & 7))
  }

  /** vzeroupper; ret. */
  return(): void {
    this.#bytes.push(0xc5, 0xf8, 0x77, 0xc3)
  }
}
