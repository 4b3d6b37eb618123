// A small vector program over the assembler: values instead of registers, loops and branches instead of jumps. A kernel
// is written once for AVX2 (8 lanes, masks in vectors) and AVX-512 (16 lanes, mask registers). A kernel that
// needs more vectors at a time than there are registers cannot be assembled: see register-allocation.ts.
import type { Assembler } from './assembler.ts'
import {
  type Condition,
  type Constant,
  type InstructionSet,
  type Label,
  laneNumbers,
  type Predicate,
  type ThreeOperands,
  type TwoOperands,
  type WithConstant,
} from './instructions.ts'
import {
  type AnyValue,
  assemble,
  type Instruction,
  type Int,
  isPlace,
  isValue,
  type Kind,
  type Mask,
  type Place,
  type Registers,
  type Source,
  type Value,
  type Vector,
} from './register-allocation.ts'

export type { Int, Mask, Place, Source, Vector }

const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!

export class Program {
  readonly instructionSet: InstructionSet
  /** float32 of a vector. */
  readonly lanes: 8 | 16
  readonly #instructions: Instruction[] = []
  readonly #loops: (readonly [begin: number, end: number])[] = []
  readonly #parameters: Int[]
  #values = 0

  constructor(set: InstructionSet, parameters: number) {
    this.instructionSet = set
    this.lanes = set === 'avx512' ? 16 : 8
    this.#parameters = Array.from({ length: parameters }, () => this.#value('int'))
  }

  /** Bytes of a vector. */
  get width(): number {
    return 4 * this.lanes
  }

  parameter(i: number): Int {
    return this.#parameters[i]!
  }

  #value<K extends Kind>(kind: K): Value<K> {
    return { kind, id: this.#values++ }
  }

  #add(instruction: Instruction): void {
    this.#instructions.push(instruction)
  }

  #uses(...sources: (Source | AnyValue | undefined)[]): AnyValue[] {
    return sources.flatMap((source) => {
      if (source === undefined) return []
      if (isValue(source)) return [source]
      return isPlace(source) ? [source.base, ...(source.index ? [source.index] : [])] : []
    })
  }

  // Integers.

  #int(
    uses: readonly AnyValue[],
    prefer: readonly AnyValue[],
    emit: (a: Assembler, to: number, r: Registers) => void,
    apart = false,
  ): Int {
    const def = this.#value('int')
    this.#add({ uses, def, prefer, apart, emit: (a, r) => emit(a, r.of(def), r) })
    return def
  }

  int(value: number): Int {
    return this.#int([], [], (a, to) => a.moveConstant(to, value))
  }

  copy(source: Int): Int {
    return this.#int([source], [], (a, to, r) => a.move(to, r.of(source)))
  }

  /** Assigns to a value that exists. */
  set(target: Int, source: Int | number): void {
    if (typeof source === 'number') {
      this.#add({ uses: [], def: target, emit: (a, r) => a.moveConstant(r.of(target), source) })
    } else this.#add({ uses: [source], def: target, emit: (a, r) => a.move(r.of(target), r.of(source)) })
  }

  /** target += source. */
  increase(target: Int, source: Int | number): void {
    const uses = typeof source === 'number' ? [target] : [target, source]
    this.#add({
      uses,
      def: target,
      emit: (a, r) =>
        typeof source === 'number'
          ? a.integerConstant('add', r.of(target), source)
          : a.integer('add', r.of(target), r.of(source)),
    })
  }

  #integer(name: 'add' | 'sub' | 'mul' | 'and' | 'or', x: Int, y: Int | number): Int {
    if (typeof y === 'number') {
      return this.#int([x], [x], (a, to, r) => {
        if (name === 'mul') return a.mulConstant(to, r.of(x), y)
        if (to !== r.of(x)) a.move(to, r.of(x))
        if (name !== 'or') a.integerConstant(name, to, y)
      })
    }
    const emit = (a: Assembler, to: number, r: Registers) => {
      if (to !== r.of(x)) a.move(to, r.of(x))
      a.integer(name, to, r.of(y))
    }
    return this.#int([x, y], [], emit, true)
  }

  plus(x: Int, y: Int | number): Int {
    return this.#integer('add', x, y)
  }

  minus(x: Int, y: Int | number): Int {
    return this.#integer('sub', x, y)
  }

  times(x: Int, y: Int | number): Int {
    return this.#integer('mul', x, y)
  }

  shifted(x: Int, direction: 'left' | 'right', bits: number): Int {
    return this.#int([x], [x], (a, to, r) => {
      if (to !== r.of(x)) a.move(to, r.of(x))
      a.shiftInt(direction, to, bits)
    })
  }

  #extreme(condition: Condition, x: Int, y: Int): Int {
    const emit = (a: Assembler, to: number, r: Registers) => {
      a.move(to, r.of(x))
      a.integer('compare', r.of(y), to)
      a.moveIf(condition, to, r.of(y))
    }
    return this.#int([x, y], [], emit, true)
  }

  smaller(x: Int, y: Int): Int {
    return this.#extreme('<', x, y)
  }

  /** The smaller of a value and a constant. */
  smallerThan(x: Int, limit: number): Int {
    return this.smaller(x, this.int(limit))
  }

  larger(x: Int, y: Int): Int {
    return this.#extreme('>', x, y)
  }

  /** ⌊x / y⌋ of what is not negative and below 2^53. */
  quotient(x: Int, y: Int): Int {
    const [p, q] = [this.#value('vector'), this.#value('vector')]
    this.#add({ uses: [x], def: p, emit: (a, r) => this.#toDouble(a, r.of(p), r.of(x)) })
    this.#add({ uses: [y], def: q, emit: (a, r) => this.#toDouble(a, r.of(q), r.of(y)) })
    return this.#int([p, q], [], (a, to, r) => {
      a.three('divDouble', r.of(p), r.of(p), r.of(q))
      a.doubleToInt(to, r.of(p))
    })
  }

  #toDouble(a: Assembler, target: number, source: number): void {
    a.three('xor', target, target, target)
    a.intToDouble(target, source)
  }

  address(place: Place): Int {
    return this.#int(this.#uses(place), [], (a, to, r) => a.address(to, r.place(place)))
  }

  /** 64 bits, a signed 32-bit integer, or a float64 that holds an integer. */
  loadInt(place: Place, as: 'int64' | 'int32' | 'float64'): Int {
    return this.#int(this.#uses(place), [], (a, to, r) => {
      if (as === 'int64') a.move(to, r.place(place))
      else if (as === 'int32') a.moveSigned32(to, r.place(place))
      else a.doubleToInt(to, r.place(place))
    })
  }

  /** An unsigned 32-bit integer. */
  loadUnsigned(place: Place): Int {
    return this.#int(this.#uses(place), [], (a, to, r) => a.moveUnsigned32(to, r.place(place)))
  }

  storeInt(place: Place, source: Int, bytes: 4 | 8): void {
    this.#add({
      uses: [...this.#uses(place), source],
      emit: (a, r) => a.moveToMemory(r.place(place), r.of(source), bytes),
    })
  }

  // Flow.

  #mark(emit: (a: Assembler) => void): number {
    this.#add({ uses: [], emit })
    return this.#instructions.length - 1
  }

  #branch(x: Int, condition: Condition, y: Int | number, label: Label): void {
    this.#add({
      uses: typeof y === 'number' ? [x] : [x, y],
      emit(a, r) {
        if (typeof y === 'number') a.integerConstant('compare', r.of(x), y)
        else a.integer('compare', r.of(x), r.of(y))
        a.jump(label, condition)
      },
    })
  }

  /** Repeats the body while x stands in the relation to y, tested at the top. */
  while(x: Int, condition: Condition, y: Int | number, body: () => void): void {
    const [top, end] = [newLabel(), newLabel()]
    this.#branch(x, opposite[condition], y, end)
    const begin = this.#mark((a) => a.place(top))
    body()
    this.#branch(x, condition, y, top)
    this.#loops.push([begin, this.#mark((a) => a.place(end))])
  }

  /** Repeats the body for i = begin, begin + step, … below end. */
  range(begin: Int | number, end: Int | number, step: Int | number, body: (i: Int) => void): void {
    const i = typeof begin === 'number' ? this.int(begin) : this.copy(begin)
    this.while(i, '<', end, () => {
      body(i)
      this.increase(i, step)
    })
  }

  if(x: Int, condition: Condition, y: Int | number, yes: () => void, no?: () => void): void {
    const [other, end] = [newLabel(), newLabel()]
    this.#branch(x, opposite[condition], y, other)
    yes()
    if (no) this.#mark((a) => a.jump(end))
    this.#mark((a) => a.place(other))
    no?.()
    this.#mark((a) => a.place(end))
  }

  /**
   * Visits `count` floats a vector at a time: the body is written twice, for whole vectors and for what is left over,
   * which has a mask. `at` is the offset in bytes.
   */
  elements(count: Int, body: (at: Int, mask?: Mask) => void): void {
    const at = this.int(0)
    const left = this.copy(count)
    this.while(left, '>=', this.lanes, () => {
      body(at)
      this.increase(at, this.width)
      this.increase(left, -this.lanes)
    })
    this.if(left, '>', 0, () => body(at, this.firstLanes(left)))
  }

  // Vectors.

  #vector(
    uses: readonly AnyValue[],
    prefer: readonly AnyValue[],
    emit: (a: Assembler, to: number, r: Registers) => void,
    apart = false,
  ): Vector {
    const def = this.#value('vector')
    this.#add({ uses, def, prefer, apart, emit: (a, r) => emit(a, r.of(def), r) })
    return def
  }

  /** A float in all lanes, as an operand. */
  constant(value: number): Constant {
    return { bits: floatBits(value) }
  }

  /** The same of an integer's bits. */
  bits(value: number): Constant {
    return { bits: value >>> 0 }
  }

  load(place: Place, mask?: Mask): Vector {
    return this.#vector(this.#uses(place, mask), [], (a, to, r) => {
      if (mask) a.loadMasked(to, r.place(place), r.of(mask))
      else a.two('load', to, r.place(place))
    })
  }

  loadInto(target: Vector, place: Place, mask: Mask): void {
    this.#add({
      uses: this.#uses(place, mask),
      def: target,
      emit: (a, r) => a.loadMasked(r.of(target), r.place(place), r.of(mask)),
    })
  }

  store(place: Place, x: Vector, mask?: Mask): void {
    this.#add({
      uses: [...this.#uses(place, mask), x],
      emit(a, r) {
        if (mask) a.storeMasked(r.of(x), r.place(place), r.of(mask))
        else a.store(r.of(x), r.place(place))
      },
    })
  }

  /** A float of memory, or lane 0 of a vector, or a constant, in all lanes. */
  broadcast(source: Source): Vector {
    return this.#vector(this.#uses(source), [], (a, to, r) => a.two('broadcast', to, r.operand(source)))
  }

  zero(): Vector {
    return this.#vector([], [], (a, to) => a.three('xor', to, to, to))
  }

  /** A value of its own, to be added to or assigned. */
  vector(source: Source): Vector {
    if (!isValue(source)) return isPlace(source) ? this.load(source) : this.broadcast(source)
    return this.#vector([source], [], (a, to, r) => a.two('move', to, r.of(source)))
  }

  assign(target: Vector, source: Vector): void {
    this.#add({ uses: [source], def: target, emit: (a, r) => a.two('move', r.of(target), r.of(source)) })
  }

  two(name: TwoOperands, x: Source): Vector {
    return this.#vector(this.#uses(x), [], (a, to, r) => a.two(name, to, r.operand(x)))
  }

  three(name: ThreeOperands, x: Source, y: Source): Vector {
    const left = isValue(x) ? x : this.vector(x)
    return this.#vector(this.#uses(left, y), [], (a, to, r) => a.three(name, to, r.of(left), r.operand(y)))
  }

  add(x: Source, y: Source): Vector {
    return this.three('add', x, y)
  }

  sub(x: Source, y: Source): Vector {
    return this.three('sub', x, y)
  }

  mul(x: Source, y: Source): Vector {
    return this.three('mul', x, y)
  }

  div(x: Source, y: Source): Vector {
    return this.three('div', x, y)
  }

  /** x > y ? x : y, so that y is the result where either is NaN. */
  max(x: Source, y: Source): Vector {
    return this.three('max', x, y)
  }

  min(x: Source, y: Source): Vector {
    return this.three('min', x, y)
  }

  shaped(name: WithConstant, x: Vector, y: Source, immediate: number): Vector {
    return this.#vector(this.#uses(x, y), [], (a, to, r) => a.shaped(name, to, r.of(x), r.operand(y), immediate))
  }

  shift(x: Vector, direction: 'left' | 'right' | 'rightSigned', bits: number): Vector {
    return this.#vector([x], [], (a, to, r) => a.shift(direction, to, r.of(x), bits))
  }

  round(x: Source, mode: 0 | 1 | 2 | 3): Vector {
    return this.#vector(this.#uses(x), [], (a, to, r) => a.round(to, r.operand(x), mode))
  }

  upperHalf(x: Vector): Vector {
    return this.#vector([x], [], (a, to, r) => a.upperHalf(to, r.of(x)))
  }

  quarter(x: Vector, which: number): Vector {
    return this.#vector([x], [], (a, to, r) => a.quarter(to, r.of(x), which))
  }

  /** Four lanes of memory; the others are 0. */
  loadQuarter(place: Place): Vector {
    return this.#vector(this.#uses(place), [], (a, to, r) => a.loadQuarter(to, r.place(place)))
  }

  /** x · y + z, rounded once. */
  fma(x: Vector, y: Source, z: Source): Vector {
    if (!isValue(y) && !isValue(z)) return this.fma(x, this.vector(y), z)
    if (!isValue(z)) return this.#fmaOnto(x, y as Vector, z)
    const prefer = [z, x, ...this.#uses(y).filter(({ kind }) => kind === 'vector')]
    return this.#vector(this.#uses(x, y, z), prefer, (a, to, r) => {
      const [left, sum] = [r.of(x), r.of(z)]
      const right = r.operand(y)
      if (to === sum) a.three('fma231', to, left, right)
      else if (to === left) a.three('fma132', to, sum, right)
      else if (to === right) a.three('fma213', to, left, sum)
      else {
        a.two('move', to, sum)
        a.three('fma231', to, left, right)
      }
    })
  }

  /** x · y + a constant or something in memory. */
  #fmaOnto(x: Vector, y: Vector, z: Place | Constant): Vector {
    return this.#vector(this.#uses(x, y, z), [x, y], (a, to, r) => {
      const [left, right] = [r.of(x), r.of(y)]
      if (to !== left && to !== right) a.two('move', to, left)
      a.three('fma213', to, to === right ? left : right, r.operand(z))
    })
  }

  /** sum += x · y. */
  accumulate(sum: Vector, x: Vector, y: Source, name: 'fma231' | 'fma231Doubles' | 'dotBfloat16' = 'fma231'): void {
    this.#add({
      uses: [sum, ...this.#uses(x, y)],
      def: sum,
      emit: (a, r) => a.three(name, r.of(sum), r.of(x), r.operand(y)),
    })
  }

  /** target = f(target, y) for a target that goes on being used. */
  update(name: ThreeOperands, target: Vector, y: Source): void {
    this.#add({
      uses: [target, ...this.#uses(y)],
      def: target,
      emit: (a, r) => a.three(name, r.of(target), r.of(target), r.operand(y)),
    })
  }

  // Masks.

  #mask(uses: readonly AnyValue[], emit: (a: Assembler, to: number, r: Registers) => void): Mask {
    const def = this.#value('mask')
    this.#add({ uses, def, emit: (a, r) => emit(a, r.of(def), r) })
    return def
  }

  compare(x: Source, predicate: Predicate, y: Source): Mask {
    const left = isValue(x) ? x : this.vector(x)
    return this.#mask(this.#uses(left, y), (a, to, r) => a.compare(predicate, to, r.of(left), r.operand(y)))
  }

  masks(name: 'and' | 'andNot' | 'or', x: Mask, y: Mask): Mask {
    return this.#mask([x, y], (a, to, r) => a.masks(name, to, r.of(x), r.of(y)))
  }

  /** mask ? yes : no. */
  select(mask: Mask, yes: Source, no: Source): Vector {
    const other = isValue(no) ? no : this.vector(no)
    return this.#vector(this.#uses(mask, yes, other), [], (a, to, r) =>
      a.select(to, r.of(mask), r.operand(yes), r.of(other)),
    )
  }

  /** mask ? x : 0. */
  keep(mask: Mask, x: Vector): Vector {
    return this.#vector([mask, x], [], (a, to, r) => a.keep(to, r.of(mask), r.of(x)))
  }

  /** The first `count` lanes. */
  firstLanes(count: Int): Mask {
    if (this.instructionSet === 'avx512') {
      const ones = this.int(-1)
      const low = this.#int([ones, count], [], (a, to, r) => a.lowBits(to, r.of(ones), r.of(count)))
      return this.#mask([low], (a, to, r) => a.maskFromInt(to, r.of(low)))
    }
    return this.compare(this.two('intToFloat', this.#fromInt(count)), 'greater', laneNumbers)
  }

  /** The first `count` lanes, where count may be negative (none) or more than there are (all). */
  firstLanesOf(count: Int): Mask {
    const bounded = this.copy(count)
    this.if(bounded, '<', 0, () => this.set(bounded, 0))
    this.if(bounded, '>', this.lanes, () => this.set(bounded, this.lanes))
    return this.firstLanes(bounded)
  }

  /** Which lanes are in a mask, a bit each. */
  maskBits(mask: Mask): Int {
    return this.#int([mask], [], (a, to, r) => a.maskToInt(to, r.of(mask)))
  }

  /** The low 32 bits of an integer in all lanes. */
  #fromInt(x: Int): Vector {
    const scalar = this.#vector([x], [], (a, to, r) => a.intToVector(to, r.of(x)))
    return this.broadcast(scalar)
  }

  // Scalars, in lane 0.

  loadScalar(place: Place, bytes: 4 | 8): Vector {
    return this.#vector(this.#uses(place), [], (a, to, r) => a.loadScalar(to, r.place(place), bytes))
  }

  storeScalar(place: Place, x: Vector, bytes: 4 | 8): void {
    this.#add({ uses: [...this.#uses(place), x], emit: (a, r) => a.storeScalar(r.of(x), r.place(place), bytes) })
  }

  /** Asks for a cache line that will be written. */
  prefetchToWrite(place: Place): void {
    this.#add({ uses: this.#uses(place), emit: (a, r) => a.prefetchToWrite(r.place(place)) })
  }

  /** Asks for a cache line that will be read. */
  prefetch(place: Place): void {
    this.#add({ uses: this.#uses(place), emit: (a, r) => a.prefetch(r.place(place)) })
  }

  // Tiles, by their numbers from 0 to 7: they are few and hold still, and a kernel that uses them says which is which.

  /** Takes their shapes from 64 bytes of memory. */
  configureTiles(place: Place): void {
    this.#add({ uses: this.#uses(place), emit: (a, r) => a.configureTiles(r.place(place)) })
  }

  releaseTiles(): void {
    this.#mark((a) => a.releaseTiles())
  }

  zeroTile(tile: number): void {
    this.#mark((a) => a.zeroTile(tile))
  }

  /** Rows lie `stride` bytes apart. What is read `once` is not to drive other things out of the first-level cache. */
  loadTile(tile: number, place: Omit<Place, 'index' | 'scale'>, stride: Int, once = false): void {
    const of = { ...place, index: stride }
    this.#add({ uses: this.#uses(of), emit: (a, r) => a.loadTile(tile, { ...r.place(of), index: r.of(stride) }, once) })
  }

  storeTile(tile: number, place: Omit<Place, 'index' | 'scale'>, stride: Int): void {
    const of = { ...place, index: stride }
    this.#add({ uses: this.#uses(of), emit: (a, r) => a.storeTile(tile, { ...r.place(of), index: r.of(stride) }) })
  }

  /** sum += left · right, of pairs of bfloat16. */
  multiplyTiles(sum: number, left: number, right: number): void {
    this.#mark((a) => a.multiplyTiles(sum, left, right))
  }

  doubleFromInt(x: Int): Vector {
    return this.#vector([x], [], (a, to, r) => this.#toDouble(a, to, r.of(x)))
  }

  // Assembling.

  /** The code. @throws Error where the vectors or masks do not fit the registers */
  assemble(): Uint8Array {
    return assemble(this.instructionSet, {
      parameters: this.#parameters,
      instructions: this.#instructions,
      loops: this.#loops,
    })
  }
}

const newLabel = (): Label => ({ label: true })

const opposite: Record<Condition, Condition> = { '==': '!=', '!=': '==', '<': '>=', '>=': '<', '<=': '>', '>': '<=' }
