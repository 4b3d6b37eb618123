// Random programs: lists of statements with operands by number, which mean the n-th value in scope, and with bodies.
// They work on memory whose layout is fixed, and leave every value of the outermost scope there at their end.
import { type Arbitrary, array, constantFrom, integer, letrec, oneof, record } from 'fast-check'
import type { Condition, Predicate } from '../../src/native/instructions.ts'
import type { Int, Mask, Place, Vector } from '../../src/native/program.ts'
import type { Machine } from './interpreter.ts'

/** Offsets in memory, in bytes. Integers and floats lie apart: the bits of NaN are nobody's business. */
export const layout = {
  slots: {
    int64: 0,
    float64: 256,
    doubles: 512,
    vectors: 1024,
    source: 4096,
    target: 5120,
    ints: 8192,
    floats: 16_384,
  },
  slotCount: 16,
  bytes: 65_536,
  /** Integers from the start to here, floats behind. */
  floatsFrom: 1024,
  elements: 40,
} as const

/** Integers a program is called with, apart from the address of its memory. */
export const parameterCount = 5

export interface Statement {
  readonly kind: string
  readonly a: number
  readonly b: number
  readonly c: number
  readonly value: number
  readonly body: readonly Statement[]
  readonly other: readonly Statement[]
}

interface Scope {
  readonly ints: readonly Int[]
  /** Integers that may be assigned to: no counters of loops. */
  readonly variables: readonly Int[]
  readonly vectors: readonly Vector[]
  readonly masks: readonly Mask[]
}

type Write = (p: Machine, statement: Statement, scope: Scope) => Partial<Scope> | void

const pick = <T>(from: readonly T[], i: number): T => from[i % from.length]!
const int = (...values: Int[]) => ({ ints: values, variables: values })
const vector = (...values: Vector[]) => ({ vectors: values })
const mask = (...values: Mask[]) => ({ masks: values })
const conditions: readonly Condition[] = ['==', '!=', '<', '>=', '<=', '>']
const predicates: readonly Predicate[] = [
  'equal',
  'less',
  'lessEqual',
  'unordered',
  'notEqual',
  'greaterEqual',
  'greater',
  'notLess',
]

const slot = (p: Machine, area: keyof typeof layout.slots, i: number, bytes: number): Place => ({
  base: p.parameter(0),
  displacement: layout.slots[area] + bytes * (i % layout.slotCount),
})

/** Between low and high, whatever it was. */
const bounded = (p: Machine, x: Int, low: number, high: number): Int => p.smaller(p.larger(x, p.int(low)), p.int(high))

/** Lanes as small integers, whatever they were. */
const whole = (p: Machine, x: Vector): Vector =>
  p.two('truncate', p.three('min', p.three('max', x, p.constant(-3000)), p.constant(3000)))

const integers: Record<string, Write> = {
  int: (p, { value }) => int(p.int(value)),
  copy: (p, { a }, { ints }) => int(p.copy(pick(ints, a))),
  set: (p, { a, b }, { ints, variables }) => p.set(pick(variables, a), pick(ints, b)),
  setConstant: (p, { a, value }, { variables }) => p.set(pick(variables, a), value),
  increase: (p, { a, b }, { ints, variables }) => p.increase(pick(variables, a), pick(ints, b)),
  increaseConstant: (p, { a, value }, { variables }) => p.increase(pick(variables, a), value),
  plus: (p, { a, b }, { ints }) => int(p.plus(pick(ints, a), pick(ints, b))),
  plusConstant: (p, { a, value }, { ints }) => int(p.plus(pick(ints, a), value)),
  minus: (p, { a, b }, { ints }) => int(p.minus(pick(ints, a), pick(ints, b))),
  minusConstant: (p, { a, value }, { ints }) => int(p.minus(pick(ints, a), value)),
  times: (p, { a, b }, { ints }) => int(p.times(pick(ints, a), pick(ints, b))),
  timesConstant: (p, { a, value }, { ints }) => int(p.times(pick(ints, a), value)),
  left: (p, { a, c }, { ints }) => int(p.shifted(pick(ints, a), 'left', 1 + (c % 63))),
  right: (p, { a, c }, { ints }) => int(p.shifted(pick(ints, a), 'right', 1 + (c % 63))),
  smaller: (p, { a, b }, { ints }) => int(p.smaller(pick(ints, a), pick(ints, b))),
  larger: (p, { a, b }, { ints }) => int(p.larger(pick(ints, a), pick(ints, b))),
  quotient: (p, { a, b, c }, { ints }) =>
    int(p.quotient(bounded(p, pick(ints, a), 0, 2 ** 31 - 1), bounded(p, pick(ints, b), 1, c + 1))),
  address: (p, { a, b, c, value }, { ints }) =>
    int(
      p.address({
        base: pick(ints, a),
        index: pick(ints, b),
        scale: pick([1, 2, 4, 8] as const, c),
        displacement: value,
      }),
    ),
  load: (p, { a }) => int(p.loadInt(slot(p, 'int64', a, 8), 'int64')),
  loadSigned: (p, { a }) => int(p.loadInt(slot(p, 'int64', a, 8), 'int32')),
  loadUnsigned: (p, { a }) => int(p.loadUnsigned(slot(p, 'int64', a, 8))),
  loadDouble: (p, { a }) => int(p.loadInt(slot(p, 'float64', a, 8), 'float64')),
  store: (p, { a, b, c }, { ints }) => p.storeInt(slot(p, 'int64', a, 8), pick(ints, b), c % 2 === 0 ? 8 : 4),
  maskBits: (p, { a }, { masks }) => int(p.maskBits(pick(masks, a))),
}

const vectors: Record<string, Write> = {
  loadVector: (p, { a }) => vector(p.load(slot(p, 'vectors', a, 64))),
  loadMasked: (p, { a, b }, { masks }) => vector(p.load(slot(p, 'vectors', a, 64), pick(masks, b))),
  loadInto: (p, { a, b, c }, { vectors, masks }) =>
    p.loadInto(pick(vectors, a), slot(p, 'vectors', b, 64), pick(masks, c)),
  storeVector: (p, { a, b }, { vectors }) => p.store(slot(p, 'vectors', a, 64), pick(vectors, b)),
  storeMasked: (p, { a, b, c }, { vectors, masks }) =>
    p.store(slot(p, 'vectors', a, 64), pick(vectors, b), pick(masks, c)),
  broadcast: (p, { value }) => vector(p.broadcast(p.constant(value % 100))),
  broadcastLane: (p, { a }, { vectors }) => vector(p.broadcast(pick(vectors, a))),
  broadcastMemory: (p, { a }) => vector(p.broadcast(slot(p, 'vectors', a, 64))),
  shuffle: (p, { a, b, c }, { vectors }) =>
    vector(p.shaped('shuffle', pick(vectors, a), pick(vectors, b), (c * 37) & 255)),
  unpack: (p, { a, b, c }, { vectors }) => {
    const kind = pick(['unpackLow', 'unpackHigh', 'unpackLowPairs', 'unpackHighPairs'] as const, c)
    return vector(p.three(kind, pick(vectors, a), pick(vectors, b)))
  },
  quarter: (p, { a, c }, { vectors }) => vector(p.quarter(pick(vectors, a), c % (p.lanes / 4))),
  scalars: (p, { a, b, c }, { ints }) => {
    const double = (i: number, low: number) => p.doubleFromInt(bounded(p, pick(ints, i), low, 2 ** 31 - 1))
    const [x, y] = [double(a, -(2 ** 31)), double(b, 1)]
    const kind = pick(['addDouble', 'subDouble', 'mulDouble', 'divDouble'] as const, c)
    p.storeScalar(slot(p, 'doubles', a, 8), p.three(kind, x, y), 8)
    p.storeScalar(slot(p, 'vectors', b, 64), p.three('doubleToFloat', x, y), 4)
  },
  loadScalar: (p, { a }) => vector(p.loadScalar(slot(p, 'vectors', a, 64), 4)),
  zero: (p) => vector(p.zero()),
  copyVector: (p, { a }, { vectors }) => vector(p.vector(pick(vectors, a))),
  assign: (p, { a, b }, { vectors }) => p.assign(pick(vectors, a), pick(vectors, b)),
  float: (p, { a, b, c }, { vectors }) =>
    vector(p.three(pick(['add', 'sub', 'mul', 'div', 'max', 'min'] as const, c), pick(vectors, a), pick(vectors, b))),
  floatOfConstant: (p, { a, c, value }, { vectors }) =>
    vector(p.three(pick(['add', 'sub', 'mul', 'max', 'min'] as const, c), p.constant(value % 50), pick(vectors, a))),
  floatOfMemory: (p, { a, b, c }, { vectors }) =>
    vector(p.three(pick(['add', 'sub', 'mul', 'max'] as const, c), pick(vectors, a), slot(p, 'vectors', b, 64))),
  fma: (p, { a, b, c }, { vectors }) => vector(p.fma(pick(vectors, a), pick(vectors, b), pick(vectors, c))),
  fmaOntoConstant: (p, { a, b, value }, { vectors }) =>
    vector(p.fma(pick(vectors, a), pick(vectors, b), p.constant(value % 50))),
  fmaOfConstants: (p, { a, b, value }, { vectors }) =>
    vector(p.fma(pick(vectors, a), p.constant(b + 0.5), p.constant(value % 50))),
  fmaOfMemory: (p, { a, b, c }, { vectors }) =>
    vector(p.fma(pick(vectors, a), slot(p, 'vectors', b, 64), pick(vectors, c))),
  accumulate: (p, { a, b, c }, { vectors }) => p.accumulate(pick(vectors, a), pick(vectors, b), pick(vectors, c)),
  update: (p, { a, b, c }, { vectors }) =>
    p.update(pick(['add', 'sub', 'max', 'min'] as const, c), pick(vectors, a), pick(vectors, b)),
  round: (p, { a, c }, { vectors }) => vector(p.round(pick(vectors, a), pick([0, 1, 2, 3] as const, c))),
  integerLanes: (p, { a, b, c }, { vectors }) => {
    const operations = ['and', 'andNot', 'or', 'xor', 'addInt', 'subInt'] as const
    const [x, y] = [whole(p, pick(vectors, a)), whole(p, pick(vectors, b))]
    return vector(p.two('intToFloat', p.three(pick(operations, c), x, y)))
  },
  shiftLanes: (p, { a, b, c }, { vectors }) => {
    const direction = pick(['left', 'right', 'rightSigned'] as const, c)
    return vector(p.two('intToFloat', p.shift(whole(p, pick(vectors, a)), direction, b % 32)))
  },
  select: (p, { a, b, c }, { vectors, masks }) => vector(p.select(pick(masks, a), pick(vectors, b), pick(vectors, c))),
  keep: (p, { a, b }, { vectors, masks }) => vector(p.keep(pick(masks, a), pick(vectors, b))),
  compare: (p, { a, b, c }, { vectors }) => mask(p.compare(pick(vectors, a), pick(predicates, c), pick(vectors, b))),
  combine: (p, { a, b, c }, { masks }) =>
    mask(p.masks(pick(['and', 'andNot', 'or'] as const, c), pick(masks, a), pick(masks, b))),
  firstLanes: (p, { a }, { ints }) => mask(p.firstLanes(bounded(p, pick(ints, a), 0, p.lanes))),
  firstLanesOf: (p, { a }, { ints }) => mask(p.firstLanesOf(bounded(p, pick(ints, a), -40, 40))),
}

const flow: Record<string, Write> = {
  if: (p, { a, b, c, body, other }, scope) =>
    p.if(
      pick(scope.ints, a),
      pick(conditions, c),
      pick(scope.ints, b),
      () => block(p, body, scope),
      other.length > 0 ? () => block(p, other, scope) : undefined,
    ),
  ifConstant: (p, { a, c, value, body }, scope) =>
    p.if(pick(scope.ints, a), pick(conditions, c), value, () => block(p, body, scope)),
  range: (p, { a, b, c, body }, scope) =>
    p.range(a % 3, b % 6, 1 + (c % 2), (i) => block(p, body, { ...scope, ints: [...scope.ints, i] })),
  rangeOfValues: (p, { a, b, c, body }, scope) => {
    const begin = bounded(p, pick(scope.ints, a), 0, 2)
    const end = bounded(p, pick(scope.ints, b), 0, 4)
    p.range(begin, end, p.int(1 + (c % 3)), (i) => block(p, body, { ...scope, ints: [...scope.ints, i] }))
  },
  while: (p, { c, body }, scope) => {
    const left = p.int(c % 5)
    p.while(left, pick(['>', '!='] as const, c), 0, () => {
      block(p, body, { ...scope, ints: [...scope.ints, left] })
      p.increase(left, -1)
    })
  },
  elements: (p, { a, b, c }, scope) => {
    const count = bounded(p, pick(scope.ints, a), 0, layout.elements)
    const added = pick(scope.vectors, b)
    const [from, to] = (['source', 'target'] as const).map((area) => p.address(slot(p, area, 0, 4))) as [Int, Int]
    p.elements(count, (at, tail) => {
      p.increase(pick(scope.variables, c), 1)
      p.store({ base: to, index: at }, p.three('add', p.load({ base: from, index: at }, tail), added), tail)
    })
  },
}

const writes: Record<string, Write> = { ...integers, ...vectors, ...flow }

/** Statements that need not be there for a program to be worth running on a processor of few registers. */
export const statementKinds = {
  integers: Object.keys(integers),
  vectors: Object.keys(vectors),
  flow: Object.keys(flow),
}

/** What a block defines is known in it alone. */
function block(p: Machine, statements: readonly Statement[], outer: Scope): Scope {
  let scope = outer
  for (const statement of statements) {
    const { ints = [], variables = [], vectors = [], masks = [] } = writes[statement.kind]!(p, statement, scope) ?? {}
    scope = {
      ints: [...scope.ints, ...ints],
      variables: [...scope.variables, ...variables],
      vectors: [...scope.vectors, ...vectors],
      masks: [...scope.masks, ...masks],
    }
  }
  return scope
}

/** Writes or does a program. Of vectors and masks, of which few can live at a time, only the last are left in memory. */
export function write(p: Machine, statements: readonly Statement[]): void {
  const parameters = Array.from({ length: parameterCount }, (_, i) => p.parameter(i + 1))
  const first = p.load(slot(p, 'vectors', 0, 64))
  const all = p.compare(first, 'equal', first)
  const { ints, vectors, masks } = block(p, statements, {
    ints: parameters,
    variables: parameters,
    vectors: [first],
    masks: [all],
  })
  const place = (area: 'ints' | 'floats', i: number, bytes: number) => ({
    base: p.parameter(0),
    displacement: layout.slots[area] + bytes * i,
  })
  for (const [i, x] of ints.entries()) p.storeInt(place('ints', i, 8), x, 8)
  for (const [i, x] of vectors.slice(-3).entries()) p.store(place('floats', i, 64), x)
  p.storeInt(place('ints', ints.length, 8), p.maskBits(masks.at(-1)!), 8)
}

const operand = integer({ min: 0, max: 30 })
const value = oneof(integer({ min: -20, max: 20 }), integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))

/** Programs of statements of these kinds; blocks are nested three deep. */
export function programs(kinds: readonly string[], maxLength: number): Arbitrary<readonly Statement[]> {
  const leaves = kinds.filter((kind) => !(kind in flow) || kind === 'elements')
  const blocks = kinds.filter((kind) => kind in flow)
  const plain = { a: operand, b: operand, c: operand, value }
  const none = constantFrom<readonly Statement[]>([])
  const { statement } = letrec<{ statement: Statement; leaf: Statement }>((tie) => {
    const body = array(tie('statement'), { maxLength: 6, size: 'max' })
    const nested = record({ kind: constantFrom(...blocks), ...plain, body, other: body })
    return {
      leaf: record({ kind: constantFrom(...leaves), ...plain, body: none, other: none }),
      statement: oneof(
        { maxDepth: 3, withCrossShrink: true },
        { arbitrary: tie('leaf'), weight: 5 },
        ...(blocks.length > 0 ? [{ arbitrary: nested, weight: 1 }] : []),
      ),
    }
  })
  return array(statement, { minLength: 1, maxLength, size: 'max' })
}
