// Vector programs, executed: random ones with nested loops, branches and more values than there are registers do what
// interpreter.ts says they mean, for both instruction sets; and a program gives its caller the registers back.
import { assert, bigInt, pre, property, record, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSharedMemory } from '../src/memory.ts'
import { Assembler } from '../src/native/assembler.ts'
import { type InstructionSet, registers } from '../src/native/instructions.ts'
import { addressOf, callable, findProcessor, makeExecutable } from '../src/native/executable.ts'
import { Program } from '../src/native/program.ts'
import { times, timeout } from './fuzz.ts'
import { Interpreter } from './native/interpreter.ts'
import { layout, parameterCount, programs, type Statement, statementKinds, write } from './native/random-program.ts'
import { seeds, words } from './twins/case.ts'

const processor = findProcessor()
const reason = typeof processor === 'string' ? processor : undefined
const sets: InstructionSet[] =
  typeof processor === 'string' ? [] : processor.set === 'avx512' ? ['avx2', 'avx512'] : ['avx2']
const { memory, buffer } = createSharedMemory({ bytes: layout.bytes }, layout.bytes)

/** Small integers everywhere, as integers, doubles and floats. */
function contents(seed: number): ArrayBuffer {
  const next = words(seed)
  const bytes = new ArrayBuffer(layout.bytes)
  const { int64, float64 } = layout.slots
  new BigInt64Array(bytes, int64, layout.slotCount).set(
    BigInt64Array.from({ length: layout.slotCount }, () => BigInt(next() - 2 ** 31) * 77n),
  )
  new Float64Array(bytes, float64, layout.slotCount).set(
    Float64Array.from({ length: layout.slotCount }, () => next() * 1e5 - 2e14),
  )
  const floats = new Float32Array(bytes, layout.floatsFrom, 1280)
  floats.set(floats.map(() => (next() % 41) - 20))
  return bytes
}

/** Memory after a program, integers as they are and floats with one NaN. */
function result(bytes: ArrayBuffer) {
  const { floatsFrom, bytes: length, slots } = layout
  const isInt = [new BigInt64Array(bytes, 0, floatsFrom / 8), new BigInt64Array(bytes, slots.ints, 1024)]
  const floats = [
    new Float32Array(bytes, floatsFrom, (slots.ints - floatsFrom) / 4),
    new Float32Array(bytes, slots.floats, (length - slots.floats) / 4),
  ]
  return { ints: isInt.map((values) => [...values]), floats: floats.map((values) => [...values]) }
}

type Parameters = readonly bigint[]

/** Does the code make room on the stack? sub rsp, … */
const isSpilling = (code: Uint8Array) => /4883ec|4881ec/.test(Buffer.from(code.subarray(0, 40)).toString('hex'))

let spilling = 0

function execute(set: InstructionSet, statements: readonly Statement[], parameters: Parameters, before: ArrayBuffer) {
  const p = new Program(set, parameterCount + 1)
  write(p, statements)
  const code = p.assemble()
  spilling += Number(isSpilling(code))
  const [address] = makeExecutable([code])
  const bytes = new Uint8Array(buffer(), 0, layout.bytes)
  bytes.set(new Uint8Array(before))
  const call = callable(address!, parameterCount + 1) as unknown as (...args: (number | bigint)[]) => void
  call(addressOf(memory), ...parameters)
  return result(bytes.slice().buffer)
}

function interpret(lanes: 8 | 16, statements: readonly Statement[], parameters: Parameters, before: ArrayBuffer) {
  const bytes = before.slice(0)
  write(new Interpreter(lanes, bytes, [0n, ...parameters]), statements)
  return result(bytes)
}

const { integers, vectors, flow } = statementKinds
const word = bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const small = bigInt({ min: -3n, max: 40n })
const parameters = tuple(small, small, word, word, small)

function check(set: InstructionSet, kinds: readonly string[], maxLength: number, numRuns: number): void {
  assert(
    property(
      record({ statements: programs(kinds, maxLength), parameters, seed: seeds }),
      ({ statements, parameters, seed }) => {
        const before = contents(seed)
        let actual
        try {
          actual = execute(set, statements, parameters, before)
        } catch (error) {
          // Only integers go to the stack.
          pre(!/needs more (vector|mask) registers/.test(String(error)))
          throw error
        }
        expect(actual).toEqual(interpret(set === 'avx512' ? 16 : 8, statements, parameters, before))
      },
    ),
    { numRuns: Math.ceil(numRuns * times) },
  )
}

describe.skipIf(reason)('random programs', { timeout }, () => {
  test.each(sets)('of integers, for %s', (set) => {
    check(
      set,
      [...integers.filter((kind) => kind !== 'maskBits'), ...flow.filter((kind) => kind !== 'elements')],
      60,
      70,
    )
  })

  test.each(sets)('of vectors and masks, for %s', (set) => {
    check(set, [...vectors, 'maskBits', 'if', 'range', 'elements'], 28, 70)
  })

  test.each(sets)('of everything, for %s', (set) => {
    check(set, [...integers, ...vectors, ...flow], 40, 70)
  })
})

test.skipIf(reason).each(sets)('a program for %s gives its caller the registers back', (set) => {
  const p = new Program(set, 1)
  const many = Array.from({ length: 30 }, (_, i) => p.int(i))
  p.range(0, 3, 1, (i) => {
    for (const x of many) p.increase(x, i)
  })
  for (const [i, x] of many.entries()) p.storeInt({ base: p.parameter(0), displacement: 8 * i }, x, 8)
  const [program] = makeExecutable([p.assemble()])

  const { rax, rbx, rbp, rsi, rdi, r12, r13, r14, r15 } = registers
  const kept = [rbx, rbp, r12, r13, r14, r15]
  const [before, after] = [new Assembler(set), new Assembler(set)]
  for (const register of kept) before.push(register)
  before.push(rsi)
  for (const register of kept) before.moveConstant(register, 1000 + register)
  before.move(rax, rdi)
  before.move(rdi, rsi)
  const call = Uint8Array.of(0xff, 0xd0) // call rax
  after.pop(rsi)
  for (const [i, register] of kept.entries()) after.moveToMemory({ base: rsi, displacement: 400 + 8 * i }, register, 8)
  for (const register of kept.toReversed()) after.pop(register)
  after.return()
  const [caller] = makeExecutable([Buffer.concat([before.finish(), call, after.finish()])])

  callable(caller!, 2)(program!, addressOf(memory))
  expect([...new BigInt64Array(buffer(), 0, 30)]).toEqual(many.map((_, i) => BigInt(i + 3)))
  expect([...new BigInt64Array(buffer(), 400, 6)]).toEqual(kept.map((register) => BigInt(1000 + register)))
})

test('a program of more vectors than there are registers is refused, by name', () => {
  for (const set of ['avx2', 'avx512'] as const) {
    const p = new Program(set, 1)
    const many = Array.from({ length: 33 }, () => p.zero())
    for (const x of many) p.store({ base: p.parameter(0) }, x)
    expect(() => p.assemble()).toThrow('a kernel needs more vector registers than there are')
  }
})
