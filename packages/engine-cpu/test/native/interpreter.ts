// What a vector program means: the methods of Program, done at once on numbers instead of written down as instructions.
import type { Condition, Constant, Predicate } from '../../src/native/instructions.ts'
import {
  compareFloats,
  compareInts,
  double,
  doubleOperations,
  floatOperations,
  fma,
  intOperations,
  nearest,
  unpacked,
} from './operations.ts'
import type { Int, Mask, Place, Program, Source, Vector } from '../../src/native/program.ts'

type Cell<K, T> = { readonly kind: K; readonly id: number; value: T }
const valueOf = <T>(value: { readonly kind: string }): Cell<string, T> => value as Cell<string, T>

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value)

const ints = (x: Float32Array): Int32Array => new Int32Array(x.buffer, x.byteOffset, x.length)

/** What random programs are made of: written down by Program, done by Interpreter. */
export type Machine = Pick<Program, keyof Interpreter & keyof Program>

export class Interpreter {
  readonly lanes: 8 | 16
  readonly #memory: DataView
  readonly #parameters: readonly Int[]
  #steps = 0

  constructor(lanes: 8 | 16, memory: ArrayBuffer, parameters: readonly bigint[]) {
    this.lanes = lanes
    this.#memory = new DataView(memory)
    this.#parameters = parameters.map((value) => this.#int(value))
  }

  #int(value: bigint): Int {
    return { kind: 'int', id: 0, value: wrap(value) } as Int
  }

  #number(x: Int | number): bigint {
    return typeof x === 'number' ? BigInt(x) : valueOf<bigint>(x).value
  }

  #at({ base, index, scale = 1, displacement = 0 }: Place): bigint {
    return wrap(this.#number(base) + (index ? this.#number(index) * BigInt(scale) : 0n) + BigInt(displacement))
  }

  parameter(i: number): Int {
    return this.#parameters[i]!
  }

  int(value: number): Int {
    return this.#int(BigInt(value))
  }

  copy(source: Int): Int {
    return this.#int(this.#number(source))
  }

  set(target: Int, source: Int | number): void {
    valueOf<bigint>(target).value = this.#number(source)
  }

  increase(target: Int, source: Int | number): void {
    this.set(target, this.plus(target, source))
  }

  plus(x: Int, y: Int | number): Int {
    return this.#int(this.#number(x) + this.#number(y))
  }

  minus(x: Int, y: Int | number): Int {
    return this.#int(this.#number(x) - this.#number(y))
  }

  times(x: Int, y: Int | number): Int {
    return this.#int(this.#number(x) * this.#number(y))
  }

  shifted(x: Int, direction: 'left' | 'right', bits: number): Int {
    const value = BigInt.asUintN(64, this.#number(x))
    return this.#int(direction === 'left' ? value << BigInt(bits) : value >> BigInt(bits))
  }

  smaller(x: Int, y: Int): Int {
    return this.copy(this.#number(x) < this.#number(y) ? x : y)
  }

  larger(x: Int, y: Int): Int {
    return this.copy(this.#number(x) > this.#number(y) ? x : y)
  }

  quotient(x: Int, y: Int): Int {
    return this.#int(this.#number(x) / this.#number(y))
  }

  address(place: Place): Int {
    return this.#int(this.#at(place))
  }

  loadInt(place: Place, as: 'int64' | 'int32' | 'float64'): Int {
    const at = Number(this.#at(place))
    if (as === 'int64') return this.#int(this.#memory.getBigInt64(at, true))
    if (as === 'int32') return this.int(this.#memory.getInt32(at, true))
    return this.int(Math.trunc(this.#memory.getFloat64(at, true)))
  }

  loadUnsigned(place: Place): Int {
    return this.int(this.#memory.getUint32(Number(this.#at(place)), true))
  }

  storeInt(place: Place, source: Int, bytes: 4 | 8): void {
    const at = Number(this.#at(place))
    if (bytes === 8) this.#memory.setBigInt64(at, this.#number(source), true)
    else this.#memory.setInt32(at, Number(BigInt.asIntN(32, this.#number(source))), true)
  }

  // Flow.

  while(x: Int, condition: Condition, y: Int | number, body: () => void): void {
    while (compareInts[condition](this.#number(x), this.#number(y))) {
      if (++this.#steps > 100_000) throw new Error('the program does not end')
      body()
    }
  }

  range(begin: Int | number, end: Int | number, step: Int | number, body: (i: Int) => void): void {
    const i = this.#int(this.#number(begin))
    this.while(i, '<', end, () => {
      body(i)
      this.increase(i, step)
    })
  }

  if(x: Int, condition: Condition, y: Int | number, yes: () => void, no?: () => void): void {
    if (compareInts[condition](this.#number(x), this.#number(y))) yes()
    else no?.()
  }

  elements(count: Int, body: (at: Int, mask?: Mask) => void): void {
    const whole = Number(this.#number(count))
    for (let done = 0; done < whole; done += this.lanes) {
      const left = whole - done
      if (left >= this.lanes) body(this.int(4 * done))
      else body(this.int(4 * done), this.firstLanes(this.int(left)))
    }
  }

  // Vectors.

  #vector(lane: (i: number) => number): Vector {
    return { kind: 'vector', id: 0, value: Float32Array.from({ length: this.lanes }, (_, i) => lane(i)) } as Vector
  }

  #intVector(lane: (i: number) => number): Vector {
    const value = new Float32Array(this.lanes)
    ints(value).set(Int32Array.from({ length: this.lanes }, (_, i) => lane(i)))
    return { kind: 'vector', id: 0, value } as Vector
  }

  #lanes(source: Source): Float32Array {
    if ('kind' in source) return valueOf<Float32Array>(source).value
    if ('base' in source) return valueOf<Float32Array>(this.load(source)).value
    return valueOf<Float32Array>(this.broadcast(source)).value
  }

  #mask(lane: (i: number) => boolean): Mask {
    return { kind: 'mask', id: 0, value: Array.from({ length: this.lanes }, (_, i) => lane(i)) } as Mask
  }

  #has(mask: Mask | undefined, i: number): boolean {
    return mask === undefined || valueOf<boolean[]>(mask).value[i]!
  }

  constant(value: number): Constant {
    return { bits: new Uint32Array(Float32Array.of(value).buffer)[0]! }
  }

  load(place: Place, mask?: Mask): Vector {
    const at = Number(this.#at(place))
    return this.#vector((i) => (this.#has(mask, i) ? this.#memory.getFloat32(at + 4 * i, true) : 0))
  }

  loadInto(target: Vector, place: Place, mask: Mask): void {
    this.assign(target, this.load(place, mask))
  }

  store(place: Place, x: Vector, mask?: Mask): void {
    const at = Number(this.#at(place))
    for (const [i, value] of this.#lanes(x).entries())
      if (this.#has(mask, i)) this.#memory.setFloat32(at + 4 * i, value, true)
  }

  broadcast(source: Source): Vector {
    if ('bits' in source) {
      const value = new Float32Array(Uint32Array.of(source.bits).buffer)[0]!
      return this.#vector(() => value)
    }
    const [first] = this.#lanes(source)
    return this.#vector(() => first!)
  }

  zero(): Vector {
    return this.#vector(() => 0)
  }

  vector(source: Source): Vector {
    const lanes = this.#lanes(source)
    return this.#vector((i) => lanes[i]!)
  }

  assign(target: Vector, source: Vector): void {
    valueOf<Float32Array>(target).value = this.#lanes(source).slice()
  }

  two(name: Parameters<Program['two']>[0], x: Source): Vector {
    const lanes = this.#lanes(x)
    if (name === 'truncate') return this.#intVector((i) => Math.trunc(lanes[i]!))
    if (name === 'intToFloat') return this.#vector((i) => ints(lanes)[i]!)
    if (name === 'sqrt') return this.#vector((i) => Math.sqrt(lanes[i]!))
    throw new Error(`${name} is in no random program`)
  }

  three(name: Parameters<Program['three']>[0], x: Source, y: Source): Vector {
    const [a, b] = [this.#lanes(x), this.#lanes(y)]
    const order = unpacked[name]
    if (order) return this.#vector((i) => [a, b][order[i % 4]! >> 2]![(i & -4) + (order[i % 4]! & 3)]!)
    if (name === 'doubleToFloat') return this.#vector((i) => (i === 0 ? double(b) : a[i]!))
    const onDoubles = doubleOperations[name]
    if (onDoubles) return this.#double(onDoubles(double(a), double(b)))
    const float = floatOperations[name]
    if (float) return this.#vector((i) => Math.fround(float(a[i]!, b[i]!)))
    const int = intOperations[name]!
    return this.#intVector((i) => int(ints(a)[i]!, ints(b)[i]!))
  }

  shift(x: Vector, direction: 'left' | 'right' | 'rightSigned', bits: number): Vector {
    const lanes = ints(this.#lanes(x))
    if (direction === 'left') return this.#intVector((i) => lanes[i]! << bits)
    return this.#intVector((i) => (direction === 'right' ? lanes[i]! >>> bits : lanes[i]! >> bits))
  }

  round(x: Source, mode: 0 | 1 | 2 | 3): Vector {
    const lanes = this.#lanes(x)
    const round = [nearest, Math.floor, Math.ceil, Math.trunc][mode]!
    return this.#vector((i) => round(lanes[i]!))
  }

  fma(x: Vector, y: Source, z: Source): Vector {
    const [a, b, c] = [this.#lanes(x), this.#lanes(y), this.#lanes(z)]
    return this.#vector((i) => fma(a[i]!, b[i]!, c[i]!))
  }

  accumulate(sum: Vector, x: Vector, y: Source): void {
    this.assign(sum, this.fma(x, y, sum))
  }

  update(name: Parameters<Program['update']>[0], target: Vector, y: Source): void {
    this.assign(target, this.three(name, target, y))
  }

  shaped(name: 'shuffle' | 'shuffleQuarters' | 'swapHalves', x: Vector, y: Source, immediate: number): Vector {
    if (name !== 'shuffle') throw new Error(`${name} is in no random program`)
    const [a, b] = [this.#lanes(x), this.#lanes(y)]
    return this.#vector((i) => (i % 4 < 2 ? a : b)[(i & -4) + ((immediate >> (2 * (i % 4))) & 3)]!)
  }

  quarter(x: Vector, which: number): Vector {
    const lanes = this.#lanes(x)
    return this.#vector((i) => (i < 4 ? lanes[4 * which + i]! : 0))
  }

  // Scalars.

  #double(value: number): Vector {
    const words = new Int32Array(Float64Array.of(value).buffer)
    return this.#intVector((i) => words[i] ?? 0)
  }

  loadScalar(place: Place): Vector {
    const [first] = this.#lanes(this.load(place))
    return this.#vector((i) => (i === 0 ? first! : 0))
  }

  storeScalar(place: Place, x: Vector, bytes: 4 | 8): void {
    const at = Number(this.#at(place))
    if (bytes === 8) this.#memory.setFloat64(at, double(this.#lanes(x)), true)
    else this.#memory.setFloat32(at, this.#lanes(x)[0]!, true)
  }

  doubleFromInt(x: Int): Vector {
    return this.#double(Number(this.#number(x)))
  }

  // Masks.

  compare(x: Source, predicate: Predicate, y: Source): Mask {
    const [a, b] = [this.#lanes(x), this.#lanes(y)]
    return this.#mask((i) => compareFloats[predicate](a[i]!, b[i]!))
  }

  masks(name: 'and' | 'andNot' | 'or', x: Mask, y: Mask): Mask {
    const [a, b] = [x, y].map((mask) => (i: number) => this.#has(mask, i)) as [
      (i: number) => boolean,
      (i: number) => boolean,
    ]
    return this.#mask((i) => (name === 'and' ? a(i) && b(i) : name === 'or' ? a(i) || b(i) : !a(i) && b(i)))
  }

  select(mask: Mask, yes: Source, no: Source): Vector {
    const [a, b] = [this.#lanes(yes), this.#lanes(no)]
    return this.#vector((i) => (this.#has(mask, i) ? a[i]! : b[i]!))
  }

  keep(mask: Mask, x: Vector): Vector {
    const lanes = this.#lanes(x)
    return this.#vector((i) => (this.#has(mask, i) ? lanes[i]! : 0))
  }

  firstLanes(count: Int): Mask {
    const first = this.#number(count)
    return this.#mask((i) => BigInt(i) < first)
  }

  firstLanesOf(count: Int): Mask {
    return this.firstLanes(count)
  }

  maskBits(mask: Mask): Int {
    return this.#int(valueOf<boolean[]>(mask).value.reduce((bits, is, i) => bits | (BigInt(is) << BigInt(i)), 0n))
  }
}
