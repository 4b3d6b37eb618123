// An encoder for the x86-64 instructions that the kernels need: vectors of float32 in AVX2 (VEX, 256 bits) or AVX-512
// (EVEX, 512 bits) under the same names, scalars, masks, 64-bit integers and jumps. It knows registers by number and
// nothing of what is in them: see program.ts. Intel's manual, volume 2, sections 2.1, 2.3 and 2.7.

import {
  type Address,
  type Condition,
  conditions,
  type Encoding,
  type InstructionSet,
  isConstant,
  type Label,
  laneNumbers,
  type Operand,
  type Predicate,
  predicates,
  type ThreeOperands,
  threeOperands,
  type TwoOperands,
  twoOperands,
  type WithConstant,
  withConstant,
} from './instructions.ts'

interface Details {
  readonly second?: number
  readonly mask?: number
  /** Lanes outside the mask become 0, else they stay as they are. */
  readonly zeroing?: boolean
  readonly immediate?: number
  /** 128 bits or less. */
  readonly short?: boolean
  /** Bytes that an EVEX displacement of one byte counts in: those of the operand in memory. */
  readonly unit?: number
}

export class Assembler {
  readonly set: InstructionSet
  readonly #bytes: number[] = []
  readonly #constants = new Map<number, number>()
  readonly #labels = new Map<Label, { at?: number; uses: number[] }>()
  readonly #constantUses: { at: number; slot: number; rest: number }[] = []

  constructor(set: InstructionSet) {
    this.set = set
  }

  /** The code, and behind it its constants. */
  finish(): Uint8Array {
    const each = this.set === 'avx512' ? 4 : 32
    const start = Math.ceil(this.#bytes.length / 64) * 64
    const code = new Uint8Array(this.#constants.size === 0 ? this.#bytes.length : start + each * this.#constants.size)
    code.set(this.#bytes)
    const view = new DataView(code.buffer)
    for (const [bits, slot] of this.#constants)
      for (let i = 0; i < each; i += 4) {
        const at = start + each * slot + i
        if (bits === laneNumbers.bits) view.setFloat32(at, i / 4, true)
        else view.setUint32(at, bits, true)
      }
    for (const { at, slot, rest } of this.#constantUses) view.setInt32(at, start + each * slot - (at + 4 + rest), true)
    return code
  }

  #word32(value: number): void {
    this.#bytes.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255)
  }

  /** ModRM, SIB and displacement. `unit`: what a displacement of one byte counts in. `rest`: bytes that follow. */
  #operand(register: number, operand: Operand, unit: number, rest = 0): void {
    const middle = (register & 7) << 3
    if (typeof operand === 'number') return void this.#bytes.push(0xc0 | middle | (operand & 7))
    if (isConstant(operand)) {
      const slot = this.#constants.get(operand.bits) ?? this.#constants.size
      this.#constants.set(operand.bits, slot)
      this.#bytes.push(0x05 | middle)
      this.#constantUses.push({ at: this.#bytes.length, slot, rest })
      return this.#word32(0)
    }
    const { base, index, scale = 1, displacement = 0 } = operand
    const short = displacement / unit
    const fits = Number.isInteger(short) && short >= -128 && short <= 127
    const mode = displacement === 0 && (base & 7) !== 5 ? 0 : fits ? 0x40 : 0x80
    if (index === undefined && (base & 7) !== 4) this.#bytes.push(mode | middle | (base & 7))
    else this.#bytes.push(mode | middle | 4, (Math.log2(scale) << 6) | (((index ?? 4) & 7) << 3) | (base & 7))
    if (mode === 0x40) this.#bytes.push(short & 255)
    else if (mode === 0x80) this.#word32(displacement)
  }

  #vector(encoding: Encoding, register: number, operand: Operand, details: Details): void {
    const [map, prefix, opcode, w] = encoding
    const { second = 0, mask = 0, zeroing = false, immediate, short = false, unit = 64 } = details
    const not = (value: number, bit: number) => ((value >> bit) & 1) ^ 1
    const [base, index] =
      typeof operand === 'number' ? [operand, 0] : isConstant(operand) ? [0, 0] : [operand.base, operand.index ?? 0]
    const wide = this.set === 'avx512'
    if (wide) {
      const x = typeof operand === 'number' ? not(operand, 4) : not(index, 3)
      const repeated = typeof operand === 'object' && isConstant(operand) && unit === 64
      const length = short ? 0 : 2
      this.#bytes.push(
        0x62,
        (not(register, 3) << 7) | (x << 6) | (not(base, 3) << 5) | (not(register, 4) << 4) | map,
        ((w ?? 0) << 7) | ((~second & 15) << 3) | 4 | prefix,
        (Number(zeroing) << 7) | (length << 5) | (Number(repeated) << 4) | (not(second, 4) << 3) | mask,
        opcode,
      )
    } else {
      this.#bytes.push(
        0xc4,
        (not(register, 3) << 7) | (not(index, 3) << 6) | (not(base, 3) << 5) | map,
        ((w ?? 0) << 7) | ((~second & 15) << 3) | (Number(!short) << 2) | prefix,
        opcode,
      )
    }
    this.#operand(register, operand, wide ? unit : 1, immediate === undefined ? 0 : 1)
    if (immediate !== undefined) this.#bytes.push(immediate & 255)
  }

  three(name: ThreeOperands, target: number, second: number, operand: Operand): void {
    const isScalar = name.endsWith('Double') || name.startsWith('double')
    const unit = name === 'floatToDouble' ? 4 : 8
    this.#vector(threeOperands[name], target, operand, { second, ...(isScalar && { short: true, unit }) })
  }

  two(name: TwoOperands, target: number, operand: Operand): void {
    const unit = name === 'broadcast' ? 4 : name === 'floatsToDoubles' || name === 'widen' ? 32 : 64
    this.#vector(twoOperands[name], target, operand, { unit })
  }

  shaped(name: WithConstant, target: number, second: number, operand: Operand, immediate: number): void {
    this.#vector(withConstant[name], target, operand, { second, immediate, unit: name === 'insertQuarter' ? 16 : 64 })
  }

  /** vroundps, vrndscaleps: 0 to the nearest, 1 down, 2 up, 3 towards zero. */
  round(target: number, operand: Operand, mode: 0 | 1 | 2 | 3): void {
    this.#vector([3, 1, 0x08], target, operand, { immediate: mode | 8 })
  }

  /** Shifts of 32-bit lanes. */
  shift(direction: 'left' | 'right' | 'rightSigned', target: number, source: number, bits: number): void {
    const operation = { left: 6, right: 2, rightSigned: 4 }[direction]
    this.#vector([1, 1, 0x72], operation, source, { second: target, immediate: bits })
  }

  /** vmovups: stores a vector. */
  store(source: number, target: Address): void {
    this.#vector([1, 0, 0x11], source, target, {})
  }

  /** Loads the lanes of a mask (k1 … k7, or with AVX2 a vector); the others are 0 and their memory is not touched. */
  loadMasked(target: number, source: Address, mask: number): void {
    if (this.set === 'avx512') this.#vector([1, 0, 0x10], target, source, { mask, zeroing: true })
    else this.#vector([2, 1, 0x2c], target, source, { second: mask })
  }

  /** Stores the lanes of a mask. */
  storeMasked(source: number, target: Address, mask: number): void {
    if (this.set === 'avx512') this.#vector([1, 0, 0x11], source, target, { mask })
    else this.#vector([2, 1, 0x2e], source, target, { second: mask })
  }

  /** Compares lanes, into a mask. */
  compare(predicate: Predicate, mask: number, a: number, b: Operand): void {
    this.#vector([1, 0, 0xc2], mask, b, { second: a, immediate: predicates[predicate] })
  }

  /** mask ? yes : no. */
  select(target: number, mask: number, yes: Operand, no: number): void {
    if (this.set === 'avx512') this.#vector([2, 1, 0x65], target, yes, { second: no, mask })
    else this.#vector([3, 1, 0x4a], target, yes, { second: no, immediate: mask << 4 })
  }

  /** mask ? x : 0. */
  keep(target: number, mask: number, x: number): void {
    if (this.set === 'avx512') this.#vector(twoOperands.move, target, x, { mask, zeroing: true })
    else this.three('and', target, mask, x)
  }

  /** Masks from masks. `andNot`: not a and b. */
  masks(name: 'and' | 'andNot' | 'or', target: number, a: number, b: number): void {
    if (this.set === 'avx2') return this.three(name, target, a, b)
    this.#bytes.push(
      0xc5,
      0x84 | ((~a & 15) << 3),
      { and: 0x41, andNot: 0x42, or: 0x45 }[name],
      0xc0 | (target << 3) | b,
    )
  }

  /** kmovw. */
  maskFromInt(mask: number, source: number): void {
    this.#bytes.push(0xc4, source >= 8 ? 0xc1 : 0xe1, 0x78, 0x92, 0xc0 | (mask << 3) | (source & 7))
  }

  /** kmovw, vmovmskps: one bit a lane. */
  maskToInt(target: number, mask: number): void {
    if (this.set === 'avx2') return this.#vector([1, 0, 0x50], target, mask, {})
    this.#bytes.push(0xc4, target >= 8 ? 0x61 : 0xe1, 0x78, 0x93, 0xc0 | ((target & 7) << 3) | mask)
  }

  /** Four lanes of a vector from lane 4 · which; what is above them becomes 0. */
  quarter(target: number, source: number, which: number): void {
    this.#vector([3, 1, 0x19], source, target, { immediate: which })
  }

  /** The upper half of a vector as the lower one. */
  upperHalf(target: number, source: number): void {
    this.#vector(this.set === 'avx512' ? [3, 1, 0x1b, 1] : [3, 1, 0x19], source, target, { immediate: 1 })
  }

  /** Four lanes of memory; the rest becomes 0. */
  loadQuarter(target: number, source: Address): void {
    this.#vector(twoOperands.load, target, source, { short: true, unit: 16 })
  }

  /** movss, movsd: one float or double of memory; the rest becomes 0. */
  loadScalar(target: number, source: Address, bytes: 4 | 8): void {
    this.#vector(bytes === 4 ? [1, 2, 0x10] : [1, 3, 0x10, 1], target, source, { short: true, unit: bytes })
  }

  storeScalar(source: number, target: Address, bytes: 4 | 8): void {
    this.#vector(bytes === 4 ? [1, 2, 0x11] : [1, 3, 0x11, 1], source, target, { short: true, unit: bytes })
  }

  /** A 64-bit integer from a double, in a register or in memory, towards zero. */
  doubleToInt(target: number, source: number | Address): void {
    this.#vector([1, 3, 0x2c, 1], target, source, { short: true, unit: 8 })
  }

  /** vmovd: the low 32 bits of a register as lane 0. */
  intToVector(target: number, source: number): void {
    this.#vector([1, 1, 0x6e], target, source, { short: true })
  }

  intToDouble(target: number, source: number): void {
    this.#vector([1, 3, 0x2a, 1], target, source, { second: target, short: true })
  }

  /** An instruction of tiles (AMX): VEX of 128 bits. */
  #tile(prefix: 0 | 1 | 2 | 3, opcode: number, register: number, operand: number | Address, second = 0): void {
    const [base, index] = typeof operand === 'number' ? [operand, 0] : [operand.base, operand.index ?? 0]
    const not = (value: number) => (value >= 8 ? 0 : 1)
    this.#bytes.push(0xc4, 0x80 | (not(index) << 6) | (not(base) << 5) | 2, ((~second & 15) << 3) | prefix, opcode)
    this.#operand(register, operand, 1)
  }

  /** ldtilecfg: takes the tiles' shapes from 64 bytes of memory, and makes them zero. */
  configureTiles(source: Address): void {
    this.#tile(0, 0x49, 0, source)
  }

  /** tilerelease: no tile has a shape any more, and a switch of threads has nothing of them to save. */
  releaseTiles(): void {
    this.#tile(0, 0x49, 0, 0)
  }

  zeroTile(target: number): void {
    this.#tile(3, 0x49, target, 0)
  }

  /** tileloadd: a tile's rows from memory, `index` bytes apart. tileloaddt1: the same of what is soon not read again. */
  loadTile(target: number, source: Address & Required<Pick<Address, 'index'>>, once = false): void {
    this.#tile(once ? 1 : 3, 0x4b, target, source)
  }

  /** tilestored. */
  storeTile(source: number, target: Address & Required<Pick<Address, 'index'>>): void {
    this.#tile(2, 0x4b, source, target)
  }

  /** tdpbf16ps: sum += left · right, of pairs of bfloat16. */
  multiplyTiles(sum: number, left: number, right: number): void {
    this.#tile(2, 0x5c, sum, left, right)
  }

  /** An instruction with 64-bit operands: register, then register or memory. */
  #integer(opcode: readonly number[], register: number, operand: number | Address, wide = true, rest = 0): void {
    const [base, index] = typeof operand === 'number' ? [operand, 0] : [operand.base, operand.index ?? 0]
    const high = (value: number, bit: number) => (value >= 8 ? bit : 0)
    const prefix = 0x40 | (wide ? 8 : 0) | high(register, 4) | high(index, 2) | high(base, 1)
    this.#bytes.push(prefix, ...opcode)
    this.#operand(register, operand, 1, rest)
  }

  /** mov between registers, or from memory: 64 bits. */
  move(target: number, source: number | Address): void {
    this.#integer([0x8b], target, source)
  }

  /** movsxd: a 32-bit integer of memory. */
  moveSigned32(target: number, source: Address): void {
    this.#integer([0x63], target, source)
  }

  /** mov of 32 bits of memory; the upper half becomes 0. */
  moveUnsigned32(target: number, source: Address): void {
    this.#integer([0x8b], target, source, false)
  }

  moveToMemory(target: Address, source: number, bytes: 4 | 8): void {
    this.#integer([0x89], source, target, bytes === 8)
  }

  /** prefetchw: asks for a cache line that will be written. */
  prefetchToWrite(target: Address): void {
    this.#integer([0x0f, 0x0d], 1, target, false)
  }

  /** prefetcht0: asks for a cache line that will be read. */
  prefetch(target: Address): void {
    this.#integer([0x0f, 0x18], 1, target, false)
  }

  moveConstant(target: number, value: number): void {
    this.#integer([0xc7], 0, target, true, 4)
    this.#word32(value)
  }

  /** target = target · source and the like. */
  integer(name: 'add' | 'sub' | 'mul' | 'and' | 'or' | 'compare', target: number, source: number): void {
    const opcode = { add: [0x03], sub: [0x2b], mul: [0x0f, 0xaf], and: [0x23], or: [0x0b], compare: [0x3b] }[name]
    this.#integer(opcode, target, source)
  }

  integerConstant(name: 'add' | 'sub' | 'and' | 'compare', target: number, value: number): void {
    const short = value >= -128 && value <= 127
    this.#integer([short ? 0x83 : 0x81], { add: 0, sub: 5, and: 4, compare: 7 }[name], target)
    if (short) this.#bytes.push(value & 255)
    else this.#word32(value)
  }

  mulConstant(target: number, source: number, value: number): void {
    this.#integer([0x69], target, source, true, 4)
    this.#word32(value)
  }

  address(target: number, address: Address): void {
    this.#integer([0x8d], target, address)
  }

  shiftInt(direction: 'left' | 'right', target: number, bits: number): void {
    this.#integer([0xc1], direction === 'left' ? 4 : 5, target)
    this.#bytes.push(bits)
  }

  /** cmovcc, after a comparison. */
  moveIf(condition: Condition, target: number, source: number): void {
    this.#integer([0x0f, 0x40 | conditions[condition]], target, source)
  }

  /** bzhi: the lowest `count` bits of source. */
  lowBits(target: number, source: number, count: number): void {
    const not = (value: number) => (value >= 8 ? 0 : 1)
    this.#bytes.push(0xc4, (not(target) << 7) | 0x40 | (not(source) << 5) | 2, 0x80 | ((~count & 15) << 3), 0xf5)
    this.#operand(target, source, 1)
  }

  #known(label: Label): { at?: number; uses: number[] } {
    const known = this.#labels.get(label) ?? { uses: [] }
    this.#labels.set(label, known)
    return known
  }

  place(label: Label): void {
    const known = this.#known(label)
    known.at = this.#bytes.length
    for (const use of known.uses) this.#patch(use, known.at)
  }

  #patch(use: number, target: number): void {
    const distance = target - (use + 4)
    for (let i = 0; i < 4; i++) this.#bytes[use + i] = (distance >> (8 * i)) & 255
  }

  /** jmp, or jcc after a comparison. */
  jump(label: Label, condition?: Condition): void {
    if (condition === undefined) this.#bytes.push(0xe9)
    else this.#bytes.push(0x0f, 0x80 | conditions[condition])
    const use = this.#bytes.length
    this.#word32(0)
    const { at, uses } = this.#known(label)
    if (at === undefined) uses.push(use)
    else this.#patch(use, at)
  }

  push(register: number): void {
    if (register >= 8) this.#bytes.push(0x41)
    this.#bytes.push(0x50 | (register & 7))
  }

  pop(register: number): void {
    if (register >= 8) this.#bytes.push(0x41)
    this.#bytes.push(0x58 | (register & 7))
  }

  /** vzeroupper. */
  zeroUpper(): void {
    this.#bytes.push(0xc5, 0xf8, 0x77)
  }

  return(): void {
    this.#bytes.push(0xc3)
  }
}
