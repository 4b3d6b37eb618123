// Gives the values of a program registers and writes its instructions. In one pass: a value keeps its register from its
// first definition to its last use, and, where a loop lies in between, to the loop's end. Integers that find no register
// live on the stack, the least used first; vectors and masks do not.
import { Assembler } from './assembler.ts'
import { type Address, type Constant, type InstructionSet, type Operand, registers } from './instructions.ts'

export type Kind = 'int' | 'vector' | 'mask'

export interface Value<K extends Kind> {
  readonly kind: K
  readonly id: number
}
/** A 64-bit integer or address. */
export type Int = Value<'int'>
/** float32 lanes, int32 lanes, or a scalar in lane 0. */
export type Vector = Value<'vector'>
export type Mask = Value<'mask'>
export type AnyValue = Value<Kind>

/** [base + index · scale + displacement], in bytes. */
export interface Place {
  readonly base: Int
  readonly index?: Int
  readonly scale?: 1 | 2 | 4 | 8
  readonly displacement?: number
}

export type Source = Vector | Place | Constant

export const isValue = (source: object): source is AnyValue => 'kind' in source
export const isPlace = (source: object): source is Place => 'base' in source

/** Registers of values, known when the code is written. */
export interface Registers {
  of(value: AnyValue): number
  operand(source: Source): Operand
  place(place: Place): Address
}

export interface Instruction {
  readonly uses: readonly AnyValue[]
  readonly def?: AnyValue
  /** The result may not share a register with an operand. */
  readonly apart?: boolean
  /** Values whose register the result would like, if they end here. */
  readonly prefer?: readonly AnyValue[]
  emit(assembler: Assembler, registers: Registers): void
}

const parameterRegisters = [registers.rdi, registers.rsi, registers.rdx, registers.rcx, registers.r8, registers.r9]
const calleeSaved = [registers.rbx, registers.rbp, registers.r12, registers.r13, registers.r14, registers.r15]
const integerRegisters = [0, 1, 2, 6, 7, 8, 9, 10, 11, ...calleeSaved]
/** Hold what lies on the stack for the length of an instruction, where anything does. */
const scratch: readonly number[] = [registers.r13, registers.r14, registers.r15, registers.r12]

/** From a value's first definition to its last use, and how often it is used, loops counted. */
interface Life {
  readonly kind: Kind
  readonly first: number
  last: number
  weight: number
}

/** A program as it was written down. */
export interface Listing {
  readonly parameters: readonly Int[]
  readonly instructions: readonly Instruction[]
  /** Where each begins and ends among the instructions; inner ones first. */
  readonly loops: readonly (readonly [begin: number, end: number])[]
}

/** The code of a function by the System V convention. @throws Error where vectors or masks do not fit the registers */
export function assemble(set: InstructionSet, listing: Listing): Uint8Array {
  const lives = livesOf(listing)
  const spilled = spill(listing, lives)
  const saved = write(new Assembler(set), listing, lives, spilled)
  const code = new Assembler(set)
  for (const register of saved) code.push(register)
  if (spilled.size > 0) code.integerConstant('sub', registers.rsp, 8 * spilled.size)
  write(code, listing, lives, spilled)
  code.zeroUpper()
  if (spilled.size > 0) code.integerConstant('add', registers.rsp, 8 * spilled.size)
  for (const register of saved.toReversed()) code.pop(register)
  code.return()
  return code.finish()
}

/** Where each value is defined first and used last: its register is free before and behind. */
function livesOf({ parameters, instructions, loops }: Listing): Map<number, Life> {
  const lives = new Map<number, Life>()
  const see = ({ id, kind }: AnyValue, at: number) => {
    const life = lives.get(id)
    if (life) life.last = at
    else lives.set(id, { kind, first: at, last: at, weight: 0 })
  }
  for (const parameter of parameters) see(parameter, -1)
  for (const [at, { uses, def }] of instructions.entries()) {
    const depth = loops.filter(([begin, end]) => begin < at && at < end).length
    for (const value of def ? [...uses, def] : uses) {
      see(value, at)
      lives.get(value.id)!.weight += 8 ** depth
    }
  }
  // Inner loops come first in the list, so that what they keep alive is kept by the outer ones as well.
  for (const [begin, end] of loops)
    for (const life of lives.values()) if (life.first < begin && life.last >= begin && life.last < end) life.last = end
  return lives
}

/** Integers that live on the stack, where there are too many: those that are used least. Their places there. */
function spill({ instructions }: Listing, lives: ReadonlyMap<number, Life>): Map<number, number> {
  const spilled = new Map<number, number>()
  const integers = [...lives].filter(([, { kind }]) => kind === 'int')
  const pressure = (at: number) => integers.filter(([, { first, last }]) => first <= at && at <= last).length
  if (instructions.every((_, at) => pressure(at) <= integerRegisters.length)) return spilled
  for (let at = -1; at < instructions.length; at++) {
    for (;;) {
      const live = integers.filter(([id, { first, last }]) => first <= at && at <= last && !spilled.has(id))
      if (live.length <= integerRegisters.length - scratch.length) break
      const [least] = live.toSorted(([, a], [, b]) => a.weight - b.weight)
      spilled.set(least![0], spilled.size)
    }
  }
  return spilled
}

/** Hands out the registers and writes the instructions; returns which registers the caller wants back as they were. */
function write(
  assembler: Assembler,
  { parameters, instructions }: Listing,
  lives: ReadonlyMap<number, Life>,
  spilled: ReadonlyMap<number, number>,
): number[] {
  const count = assembler.set === 'avx512' ? 32 : 16
  const free: Record<Kind, number[]> = {
    int: integerRegisters.filter((register) => spilled.size === 0 || !scratch.includes(register)).toReversed(),
    vector: Array.from({ length: count }, (_, i) => count - 1 - i),
    mask: [7, 6, 5, 4, 3, 2, 1],
  }
  const pool = (kind: Kind) => (kind === 'mask' && assembler.set === 'avx2' ? free.vector : free[kind])
  const assigned = new Map<number, number>()
  const touched = new Set<number>(spilled.size > 0 ? scratch : [])
  function take({ kind, id }: AnyValue, wanted?: number): void {
    if (assigned.has(id) || spilled.has(id)) return
    const from = pool(kind)
    const at = wanted === undefined ? -1 : from.indexOf(wanted)
    const register = at >= 0 ? from.splice(at, 1)[0] : from.pop()
    if (register === undefined) throw new Error(`a kernel needs more ${kind} registers than there are`)
    assigned.set(id, register)
    if (kind === 'int') touched.add(register)
  }
  const give = ({ kind, id }: AnyValue): void => void (spilled.has(id) || pool(kind).push(assigned.get(id)!))
  /** Of spilled values, for one instruction. */
  const borrowed = new Map<number, number>()
  const of = ({ id }: AnyValue): number => assigned.get(id) ?? borrowed.get(id)!
  const known: Registers = {
    of,
    operand: (source) => (isValue(source) ? of(source) : isPlace(source) ? known.place(source) : source),
    place: ({ base, index, scale, displacement }) => ({
      base: of(base),
      ...(index && { index: of(index) }),
      ...(scale && { scale }),
      ...(displacement && { displacement }),
    }),
  }
  const slot = (id: number) => ({ base: registers.rsp, displacement: 8 * spilled.get(id)! })
  /** By instruction, the values that are used no more behind it, apart from its own result. */
  const endings = new Map<number, AnyValue[]>()
  for (const [id, { kind, last }] of lives)
    if (instructions[last]?.def?.id !== id) endings.set(last, [...(endings.get(last) ?? []), { kind, id }])
  for (const [i, parameter] of parameters.entries()) {
    const register = parameterRegisters[i]!
    if (spilled.has(parameter.id)) assembler.moveToMemory(slot(parameter.id), register, 8)
    else take(parameter, register)
  }
  for (const value of endings.get(-1) ?? []) give(value)
  for (const [at, { uses, def, prefer = [], apart = false, emit }] of instructions.entries()) {
    const distinct = [...new Map(uses.map((value) => [value.id, value])).values()]
    const ending = endings.get(at) ?? []
    borrowed.clear()
    for (const { id } of distinct) {
      if (!spilled.has(id)) continue
      borrowed.set(id, scratch[borrowed.size]!)
      assembler.move(borrowed.get(id)!, slot(id))
    }
    if (def && spilled.has(def.id) && !borrowed.has(def.id)) borrowed.set(def.id, scratch[borrowed.size]!)
    if (!apart) for (const value of ending) give(value)
    const wanted = apart ? undefined : prefer.find(({ id }) => ending.some((value) => value.id === id))
    if (def) take(def, wanted && assigned.get(wanted.id))
    emit(assembler, known)
    if (def && spilled.has(def.id)) assembler.moveToMemory(slot(def.id), borrowed.get(def.id)!, 8)
    if (apart) for (const value of ending) give(value)
    if (def && lives.get(def.id)!.last === at) give(def)
  }
  return calleeSaved.filter((register) => touched.has(register))
}
