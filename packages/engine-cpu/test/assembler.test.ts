// The encoder against a disassembler: what objdump reads is computed here from what was asked for, for every instruction,
// with random registers, addresses, constants and masks. And, where there is no objdump, against bytes that it has read.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, sample, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Assembler } from '../src/native/assembler.ts'
import { type InstructionSet, laneNumbers, registers } from '../src/native/instructions.ts'
import { instructions } from './native/instructions.ts'
import type { Line } from './native/line.ts'

const sets: InstructionSet[] = ['avx2', 'avx512']
const perInstruction = 60
const hasObjdump = spawnSync('objdump', ['--version']).status === 0

interface Read {
  readonly at: number
  readonly text: string
}

/** One spelling of what versions of objdump, or encodings of no consequence, write differently. */
const normalised = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/ <.*>$/, '')
    .replace(/^(rex|\{evex\}) /, '')
    .replace(/WORD BCST (\[[^\]]*\])/, 'WORD PTR $1{1to16}')
    // A constant is named by its place.
    .replace(/\[rip[+-]0x[\da-f]+\](\S*) # (0x[\da-f]+)$/, '[$2]$1')

function disassembled(code: Uint8Array): Read[] {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-'))
  try {
    const file = join(folder, 'code.bin')
    writeFileSync(file, code)
    const options = ['-D', '-z', '-w', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--no-show-raw-insn', file]
    const run = spawnSync('objdump', options, { encoding: 'utf8', maxBuffer: 1 << 28 })
    return run.stdout.split('\n').flatMap((line) => {
      const match = /^\s*([\da-f]+):\s+(.*\S)/.exec(line)
      return match ? [{ at: Number.parseInt(match[1]!, 16), text: normalised(match[2]!) }] : []
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Assembles the lines, and says what they should read as; constants and labels by their places. */
function check(set: InstructionSet, lines: readonly Line[], seed: number): void {
  const assembler = new Assembler(set)
  const labels = lines.map(() => ({ label: true }) as const)
  const target = (line: Line) => Math.min(lines.length - 1, Math.floor((line.target ?? 0) * lines.length))
  for (const [i, line] of lines.entries()) {
    assembler.place(labels[i]!)
    line.emit(assembler, labels[target(line)]!)
  }
  const code = assembler.finish()
  const read = disassembled(code)
  const slots = [...new Set(lines.flatMap(({ constant }) => (constant === undefined ? [] : [constant])))]
  const each = set === 'avx512' ? 4 : 32
  const start = code.length - each * slots.length
  for (const [i, line] of lines.entries()) {
    const wanted = line
      .text(line.constant === undefined ? '' : `0x${(start + each * slots.indexOf(line.constant)).toString(16)}`)
      .replace('LABEL', `0x${(read[target(line)]?.at ?? -1).toString(16)}`)
    expect(read[i]!.text, `instruction ${i} for ${set}, seed ${seed}`).toBe(wanted)
  }
  const end = read[lines.length]?.at ?? code.length
  if (slots.length === 0) return expect(end).toBe(code.length)
  expect(start).toBe(Math.ceil(end / 64) * 64)
  const behind = new DataView(code.buffer, start)
  for (const [slot, bits] of slots.entries())
    for (let i = 0; i < each; i += 4) {
      const found = behind.getUint32(each * slot + i, true)
      if (bits === laneNumbers.bits) expect(behind.getFloat32(each * slot + i, true)).toBe(i / 4)
      else expect(found).toBe(bits)
    }
}

/** Some of everything: both kinds of addresses, constants, a loop, masks, scalars, high registers. */
function small(set: InstructionSet): string {
  const a = new Assembler(set)
  const [top, end] = [{ label: true }, { label: true }] as const
  a.push(registers.r12)
  a.moveConstant(registers.r9, -1)
  a.lowBits(registers.rax, registers.r9, registers.rcx)
  if (set === 'avx512') a.maskFromInt(1, registers.rax)
  else a.compare('greater', 1, 15, laneNumbers)
  a.place(top)
  a.integerConstant('compare', registers.rdx, 300)
  a.jump(end, '>=')
  a.loadMasked(0, { base: registers.rsp, displacement: 0x40 }, 1)
  a.two('load', 9, { base: registers.r13, index: registers.r12, scale: 4, displacement: -36 })
  a.three('fma213', 0, 9, { bits: 0x3f800000 })
  a.two('broadcast', 12, { base: registers.rbp, displacement: 508 })
  a.shift('rightSigned', 10, 0, 23)
  a.compare('unordered', 2, 9, 9)
  a.select(3, 2, { bits: 0x40000000 }, 10)
  a.storeMasked(3, { base: registers.r12 }, 1)
  a.loadScalar(4, { base: registers.rdi, displacement: 1016 }, 8)
  a.doubleToInt(registers.r8, 4)
  a.integer('add', registers.rdx, registers.r8)
  a.jump(top)
  a.place(end)
  a.zeroUpper()
  a.pop(registers.r12)
  a.return()
  return Buffer.from(a.finish()).toString('hex')
}

/** As the disassembler below read them. */
const recorded: Record<InstructionSet, string> = {
  avx2:
    '415449c7c1ffffffffc4c2f0f5c1c4e104c20d680000001e4881fa2c0100000f8d52000000c4e2752c442440c4017c104ca5' +
    'dcc4e235a80564000000c4627d18a5fc010000c4e12d72e017c4c134c2d103c4e32d4a1d6500000020c4c2752e1c24c4e1fb' +
    '10a7f8030000c461fb2cc44903d0e9a1ffffffc5f877415cc3000000000000000000803f0000004000004040000080400000' +
    'a0400000c0400000e0400000803f0000803f0000803f0000803f0000803f0000803f0000803f0000803f0000004000000040' +
    '000000400000004000000040000000400000004000000040',
  avx512:
    '415449c7c1ffffffffc4c2f0f5c1c4e17892c84881fa2c0100000f8d5800000062f17cc91044240162117c48108ca5dcffff' +
    'ff62f23558a8054300000062727d4818657f62f12d4872e01762d13448c2d10362f22d5a651d2800000062d17c49111c2462' +
    'f1ff0810677f6271ff082cc44903d0e99bffffffc5f877415cc300000000803f00000040',
}

test.each(sets)('a small program for %s has the recorded bytes', (set) => {
  expect(small(set)).toBe(recorded[set])
})

/** All instructions of tiles, with high registers among their addresses. */
function tiles(): string {
  const a = new Assembler('avx512')
  a.configureTiles({ base: registers.r13 })
  a.zeroTile(3)
  a.loadTile(4, { base: registers.r9, index: registers.rax, displacement: 1024 })
  a.loadTile(6, { base: registers.rsi, index: registers.r14 }, true)
  a.multiplyTiles(3, 4, 6)
  a.storeTile(3, { base: registers.rdi, index: registers.rdx, displacement: 64 })
  a.releaseTiles()
  return Buffer.from(a.finish()).toString('hex')
}

test('the instructions of tiles have the recorded bytes', () => {
  expect(tiles()).toBe('c4c278494500c4e27b49d8c4c27b4ba40100040000c4a2794b3436c4e24a5cdcc4e27a4b5c1740c4e27849c0')
})

describe.each(sets)('the encoder for %s', (set) => {
  const known = instructions(set)

  test('has an expectation for every instruction', () => {
    const methods = Object.getOwnPropertyNames(Assembler.prototype)
    const other = ['constructor', 'finish', 'place']
    const tested = new Set(Object.keys(known).map((name) => name.split(' ')[0]))
    expect(methods.filter((name) => !other.includes(name) && !tested.has(name))).toEqual(
      set === 'avx2' ? ['maskFromInt'] : [],
    )
  })

  test('writes what a disassembler reads', (context) => {
    if (!hasObjdump) console.log('skipped: objdump (binutils) is not installed here')
    context.skip(!hasObjdump, 'objdump (binutils) is not installed here')
    const seed = Math.floor(Math.random() * 2 ** 31)
    const each = Object.values(known).map((line) =>
      array(line, { minLength: perInstruction, maxLength: perInstruction }),
    )
    // Of different kinds in turn, so that jumps are over all of them.
    const [lines] = sample(tuple(...each), { numRuns: 1, seed }) as [Line[][]]
    check(
      set,
      lines[0]!.flatMap((_, i) => lines.map((kind) => kind[i]!)),
      seed,
    )
  })
})
