// The instructions of integers, of the stack and of the flow of a program, with their texts: see instructions.ts.
import { type Arbitrary, boolean, constant, constantFrom, integer, oneof, record } from 'fast-check'
import type { Address, Condition } from '../../src/native/instructions.ts'
import { type Line, simple } from './line.ts'
import { addresses, general, hex, immediate64, memory, name32, name64, signed32 } from './operands.ts'

const conditionNames: Record<Condition, string> = { '==': 'e', '!=': 'ne', '<': 'l', '>=': 'ge', '<=': 'le', '>': 'g' }

const jumps = record({
  condition: oneof(constant(undefined), constantFrom(...(Object.keys(conditionNames) as Condition[]))),
  target: integer({ min: 0, max: 999 }),
}).map(({ condition, target }): Line => ({
  target: target / 1000,
  emit: (a, label) => a.jump(label, condition),
  text: () => `j${condition ? conditionNames[condition] : 'mp'} LABEL`,
}))

const generalOrAddress = oneof(general, addresses)
const place64 = (operand: number | Address) => (typeof operand === 'number' ? name64(operand) : memory(operand, 8))

const fourOrEight = constantFrom<4 | 8>(4, 8)

export const integerInstructions: Readonly<Record<string, Arbitrary<Line>>> = {
  move: simple(
    [general, generalOrAddress],
    (a, target, source) => a.move(target, source),
    (target, source) => `mov ${name64(target)},${place64(source)}`,
  ),
  moveSigned32: simple(
    [general, addresses],
    (a, target, source) => a.moveSigned32(target, source),
    (target, source) => `movsxd ${name64(target)},${memory(source, 4)}`,
  ),
  moveUnsigned32: simple(
    [general, addresses],
    (a, target, source) => a.moveUnsigned32(target, source),
    (target, source) => `mov ${name32(target)},${memory(source, 4)}`,
  ),
  moveToMemory: simple(
    [addresses, general, fourOrEight],
    (a, target, source, bytes) => a.moveToMemory(target, source, bytes),
    (target, source, bytes) => `mov ${memory(target, bytes)},${(bytes === 4 ? name32 : name64)(source)}`,
  ),
  prefetchToWrite: simple(
    [addresses],
    (a, target) => a.prefetchToWrite(target),
    (target) => `prefetchw ${memory(target, 1)}`,
  ),
  prefetch: simple(
    [addresses],
    (a, target) => a.prefetch(target),
    (target) => `prefetcht0 ${memory(target, 1)}`,
  ),
  moveConstant: simple(
    [general, signed32],
    (a, target, value) => a.moveConstant(target, value),
    (target, value) => `mov ${name64(target)},${immediate64(value)}`,
  ),
  integer: simple(
    [
      constantFrom<'add' | 'sub' | 'mul' | 'and' | 'or' | 'compare'>('add', 'sub', 'mul', 'and', 'or', 'compare'),
      general,
      general,
    ],
    (a, kind, target, source) => a.integer(kind, target, source),
    (kind, target, source) =>
      `${{ add: 'add', sub: 'sub', mul: 'imul', and: 'and', or: 'or', compare: 'cmp' }[kind]} ${name64(target)},${name64(source)}`,
  ),
  integerConstant: simple(
    [
      constantFrom<'add' | 'sub' | 'and' | 'compare'>('add', 'sub', 'and', 'compare'),
      integer({ min: 0, max: 15 }),
      signed32,
    ],
    (a, kind, target, value) => a.integerConstant(kind, target, value),
    (kind, target, value) =>
      `${{ add: 'add', sub: 'sub', and: 'and', compare: 'cmp' }[kind]} ${name64(target)},${immediate64(value)}`,
  ),
  mulConstant: simple(
    [general, general, signed32],
    (a, target, source, value) => a.mulConstant(target, source, value),
    (target, source, value) => `imul ${name64(target)},${name64(source)},${immediate64(value)}`,
  ),
  address: simple(
    [general, addresses],
    (a, target, address) => a.address(target, address),
    (target, address) => `lea ${name64(target)},${memory(address, 8).replace('QWORD PTR ', '')}`,
  ),
  shiftInt: simple(
    [boolean(), general, integer({ min: 2, max: 63 })],
    (a, isLeft, target, bits) => a.shiftInt(isLeft ? 'left' : 'right', target, bits),
    (isLeft, target, bits) => `${isLeft ? 'shl' : 'shr'} ${name64(target)},${hex(bits)}`,
  ),
  moveIf: simple(
    [constantFrom(...(Object.keys(conditionNames) as Condition[])), general, general],
    (a, condition, target, source) => a.moveIf(condition, target, source),
    (condition, target, source) => `cmov${conditionNames[condition]} ${name64(target)},${name64(source)}`,
  ),
  lowBits: simple(
    [general, general, general],
    (a, target, source, count) => a.lowBits(target, source, count),
    (target, source, count) => `bzhi ${name64(target)},${name64(source)},${name64(count)}`,
  ),
  jump: jumps,
  push: simple(
    [integer({ min: 0, max: 15 })],
    (a, register) => a.push(register),
    (register) => `push ${name64(register)}`,
  ),
  pop: simple(
    [integer({ min: 0, max: 15 })],
    (a, register) => a.pop(register),
    (register) => `pop ${name64(register)}`,
  ),
  zeroUpper: simple(
    [],
    (a) => a.zeroUpper(),
    () => 'vzeroupper',
  ),
  return: simple(
    [],
    (a) => a.return(),
    () => 'ret',
  ),
}
