// Runs the native kernels in an address space that holds nothing but their tensors: every tensor ends right before, or begins
// right behind, a page that must not be touched, and what a kernel only reads lies in pages that cannot be written. A
// process of its own (guard-pages.test.ts), since a step too far kills it; it says what it is about to do, line by line.
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { sample, stringify } from 'fast-check'
import type { InstructionSet } from '../../src/native/instructions.ts'
import { callable, findProcessor, makeExecutable } from '../../src/native/executable.ts'
import { kernelParameters } from '../../src/native/kernel.ts'
import { assembleFused } from '../../src/native/fused.ts'
import { nativeKernelNames } from '../../src/native/registry.ts'
import { type Elements, kernelCode, type KernelCases, type Setup, thread } from './case.ts'
import { fusedCase, fusedParameters } from './fused.ts'
import { casesByKernel } from './index.ts'

interface Koffi {
  load(library: string): { func(prototype: string): (...args: unknown[]) => unknown }
  view(address: number, bytes: number): ArrayBuffer
}

const [only = '', seed = '1', numRuns = '1', overrun = ''] = process.argv.slice(2)

const koffi = createRequire(new URL('../../src/native/executable.ts', import.meta.url))('koffi') as Koffi
const libc = koffi.load('libc.so.6')
const mmap = libc.func('intptr_t mmap(intptr_t at, size_t bytes, int protection, int flags, int file, long offset)')
const mprotect = libc.func('int mprotect(intptr_t at, size_t bytes, int protection)')
const protections = { none: 0, read: 1, readWrite: 3 }
const page = 4096
const arenaBytes = 128 << 20
const privateAnonymousUnreserved = 0x4022
const arena = Number(mmap(0, arenaBytes, protections.none, privateAnonymousUnreserved, -1, 0))
if (arena === -1) throw new Error('no address space')
const view = koffi.view(arena, arenaBytes)

function protect(at: number, bytes: number, protection: keyof typeof protections): void {
  if (bytes > 0 && mprotect(arena + at, bytes, protections[protection]) !== 0) throw new Error('no protection')
}

interface Block {
  readonly at: number
  readonly firstPage: number
  readonly bytes: number
}

const pagesOf = (bytes: number) => Math.ceil(bytes / page) * page

/** Calls a kernel for all items, in a fresh set of pages. */
function call(run: (args: number) => void, { tensors, args }: Setup, atEnd: boolean): void {
  let next = page // 0 would be no tensor
  const place = (bytes: number): Block => {
    const firstPage = next
    next += pagesOf(bytes) + page
    if (next > arenaBytes) throw new Error('a case is too large for the arena')
    return { firstPage, bytes, at: atEnd ? firstPage + pagesOf(bytes) - bytes : firstPage }
  }
  const blocks = Object.entries(tensors).map(([name, { bytes }]) => [name, place(bytes)] as const)
  const at = Object.fromEntries(blocks.map(([name, block]) => [name, block.at]))
  const words = Float64Array.from(args(at))
  const argsBlock = place(words.byteLength)
  const fill = ({ at, firstPage, bytes }: Block, contents: Elements, isInput: boolean) => {
    protect(firstPage, pagesOf(bytes), 'readWrite')
    new Uint8Array(view, at, bytes).set(new Uint8Array(contents.buffer, contents.byteOffset, bytes))
    if (isInput) protect(firstPage, pagesOf(bytes), 'read')
  }
  for (const [name, block] of blocks) fill(block, tensors[name]!.contents(at), tensors[name]!.role === 'input')
  fill(argsBlock, words, true)
  run(argsBlock.at)
  protect(0, next, 'none')
}

function runAll(name: string, set: InstructionSet, { parameters, setup }: KernelCases): number {
  const [address] = makeExecutable([kernelCode(set, name)])
  const kernel = callable(address!, kernelParameters)
  let calls = 0
  for (const values of sample(parameters, { seed: Number(seed), numRuns: Number(numRuns) })) {
    const made = setup(values, set)
    // To see that this test can fail: an elementwise kernel is told of one element more than there is.
    const args = overrun
      ? (at: Parameters<Setup['args']>[0]) => made.args(at).with(2, made.args(at)[2]! + 1)
      : made.args
    for (const atEnd of [true, false]) {
      const where = atEnd ? 'before' : 'behind'
      writeSync(1, `${name} for ${set}, tensors ${where} a guard page, ${stringify(values)}\n`)
      call((args) => kernel(arena, args, 0, made.items, thread), { ...made, args }, atEnd)
      calls++
    }
  }
  return calls
}

/** Chains of elementwise functions, each a kernel of its own. */
function runFused(set: InstructionSet): number {
  let calls = 0
  for (const values of sample(fusedParameters, { seed: Number(seed), numRuns: 2 * Number(numRuns) })) {
    const { form, setup } = fusedCase(values)
    let address
    try {
      ;[address] = makeExecutable([assembleFused(set, form)])
    } catch {
      continue // a chain that does not fit the registers
    }
    const kernel = callable(address!, kernelParameters)
    for (const atEnd of [true, false]) {
      writeSync(1, `a chain for ${set}, tensors ${atEnd ? 'before' : 'behind'} a guard page, ${stringify(values)}\n`)
      call((args) => kernel(arena, args, 0, setup.items, thread), setup, atEnd)
      calls++
    }
  }
  return calls
}

const processor = findProcessor()
if (typeof processor === 'string') throw new Error(processor)
const sets: InstructionSet[] = processor.set === 'avx512' ? ['avx512', 'avx2'] : ['avx2']
let calls = 0
for (const name of nativeKernelNames.filter((candidate) => only === '' || candidate === only)) {
  const cases = casesByKernel[name]
  for (const set of cases ? sets : []) if (cases!.runsOn?.(set, processor) ?? true) calls += runAll(name, set, cases!)
}
if (only === '' || only === 'fused') for (const set of sets) calls += runFused(set)
writeSync(1, `within bounds, ${calls} calls\n`)
