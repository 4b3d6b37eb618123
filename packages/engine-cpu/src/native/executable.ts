// Machine code in memory: written while the pages are writable, then made executable and no longer writable, never both.
// Called through koffi by address; every thread of the process can call the same code on the engine's shared memory.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { WasmMemory } from '../web-assembly.ts'
import type { InstructionSet } from './instructions.ts'

/** What is used of koffi, which plain integers satisfy as pointers. */
export interface Koffi {
  load(library: string): {
    func(prototype: string): (...args: unknown[]) => unknown
    func(name: string, result: string, parameters: readonly string[]): (...args: unknown[]) => unknown
  }
  /** A function type without a name. */
  proto(result: string, parameters: readonly string[]): object
  decode(address: number | bigint, type: object): (...args: number[]) => void
  address(view: Uint8Array): bigint
}

const require = createRequire(import.meta.url)
const library = 'libc.so.6'
let koffi: Koffi | undefined

/** Throws where it is not installed or does not load. */
export const requireKoffi = (): Koffi => require('koffi') as Koffi

/** This thread's koffi. It sets up what calls need when a library is loaded: without that, a call in a worker crashes. */
function load(): Koffi {
  if (!koffi) {
    koffi = requireKoffi()
    koffi.load(library)
  }
  return koffi
}

/** Instructions that machine code may use here. */
export interface Instructions {
  readonly set: InstructionSet
  /** avx512_bf16: products of bfloat16 pairs. */
  readonly bfloat16: boolean
  /** amx_bf16, which the system lets this process use: products of tiles of bfloat16. */
  readonly amx: boolean
  /** Why not, where the processor has it. */
  readonly withoutAmx?: string
}

/** What machine code can be made for here. */
export interface Processor extends Instructions {
  /** Lines of a set of the first-level data cache; 8, which all have, where the system does not tell. */
  readonly firstLevelWays: number
  /**
   * Whether AMX multiplies float32 as well: where no two processors share a core, which takes two thirds of its speed, or
   * where MIXLAB_ISA=amx.
   */
  readonly amxFloat32: boolean
}

function sharesCores(): boolean {
  try {
    return readFileSync('/sys/devices/system/cpu/smt/active', 'utf8').trim() !== '0'
  } catch {
    return false
  }
}

function findFirstLevelWays(): number {
  try {
    return Number(readFileSync('/sys/devices/system/cpu/cpu0/cache/index0/ways_of_associativity', 'utf8')) || 8
  } catch {
    return 8
  }
}

/** Whether a variable says no. */
export const isOff = (value: string | undefined): boolean => /^(off|0|false|no)$/i.test(value ?? '')

/** What a processor is recognised by. */
export interface Machine {
  readonly platform: string
  readonly arch: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The text of /proc/cpuinfo, read where there is one. */
  readonly cpuinfo: () => string
  /** Asks the system to let this process use AMX; returns why it does not. */
  readonly requestAmx: () => string | undefined
}

/** The processor's instructions by what the machine says, or as text why there can be no native kernels for it. */
export function recognise({ platform, arch, environment, cpuinfo, requestAmx }: Machine): Instructions | string {
  if (isOff(environment['MIXLAB_NATIVE'])) return 'MIXLAB_NATIVE=off'
  if (platform !== 'linux' || arch !== 'x64') return `none for ${platform} on ${arch} yet`
  let flags: Set<string>
  try {
    flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo())?.[1]?.split(/\s+/))
  } catch {
    return '/proc/cpuinfo cannot be read'
  }
  const has = (...names: string[]) => names.every((name) => flags.has(name))
  if (!has('avx2', 'fma', 'bmi2')) return 'the processor has no AVX2'
  const wanted = environment['MIXLAB_ISA'] ?? ''
  if (!/^(avx2|avx512|amx|)$/.test(wanted)) return `MIXLAB_ISA=${wanted}, expected avx2, avx512 or amx`
  const wide = has('avx512f', 'avx512dq', 'avx512bw', 'avx512vl') && wanted !== 'avx2'
  if (wanted === 'avx512' && !wide) return 'MIXLAB_ISA=avx512, but the processor has no AVX-512'
  const bfloat16 = wide && has('avx512_bf16')
  const hasTiles = bfloat16 && has('amx_tile', 'amx_bf16')
  if (wanted === 'amx' && !hasTiles) return 'MIXLAB_ISA=amx, but the processor has no AMX for bfloat16'
  const set = wide ? 'avx512' : 'avx2'
  if (!hasTiles) return { set, bfloat16, amx: false }
  const refusal = wanted === 'avx512' ? 'MIXLAB_ISA=avx512' : requestAmx()
  if (wanted === 'amx' && refusal !== undefined) return `MIXLAB_ISA=amx, but ${refusal}`
  return { set, bfloat16, amx: refusal === undefined, ...(refusal !== undefined && { withoutAmx: refusal }) }
}

/**
 * This processor, or as text why there can be no native kernels. MIXLAB_ISA=avx512 leaves AMX unused, MIXLAB_ISA=avx2
 * AVX-512 as well.
 */
export function findProcessor(): Processor | string {
  const { platform, arch, env: environment } = process
  const cpuinfo = () => readFileSync('/proc/cpuinfo', 'utf8')
  try {
    const found = recognise({ platform, arch, environment, cpuinfo, requestAmx: permitAmx })
    if (typeof found === 'string') return found
    load()
    const amxFloat32 = found.amx && (environment['MIXLAB_ISA'] === 'amx' || !sharesCores())
    return { ...found, firstLevelWays: findFirstLevelWays(), amxFloat32 }
  } catch {
    return 'koffi is not installed, or does not load here'
  }
}

/**
 * Linux saves the 8 KB of a thread's tiles only in processes that asked for it, once and for all their threads; it says no
 * where the processor's state is not enabled for tiles (XCR0), where it cannot save it, or where a filter of system calls
 * does not know the request: Documentation/arch/x86/xstate.rst.
 */
function permitAmx(): string | undefined {
  const syscall = load().load(library).func('long syscall(long number, long request, long feature)')
  const [archPrctl, requestPermission, tileData] = [158, 0x1023, 18]
  return syscall(archPrctl, requestPermission, tileData) === 0 ? undefined : 'the system does not permit it'
}

/**
 * Places pieces of code in executable memory, where they stay as long as the process.
 * @returns their addresses
 * @throws Error where the system does not allow it
 */
export function makeExecutable(pieces: readonly Uint8Array[]): number[] {
  const libc = load().load(library)
  const mmap = libc.func('intptr_t mmap(intptr_t at, size_t bytes, int protection, int flags, int file, long offset)')
  const mprotect = libc.func('int mprotect(intptr_t at, size_t bytes, int protection)')
  const memcpy = libc.func('intptr_t memcpy(intptr_t to, const uint8_t *from, size_t bytes)')
  const offsets: number[] = []
  let bytes = 0
  for (const piece of pieces) {
    offsets.push(bytes)
    bytes = Math.ceil((bytes + piece.length) / 64) * 64
  }
  const [readWrite, readExecute, privateAnonymous] = [3, 5, 0x22]
  const start = Number(mmap(0, bytes, readWrite, privateAnonymous, -1, 0))
  if (start === -1) throw new Error('the system refused memory for code')
  for (const [i, piece] of pieces.entries()) memcpy(start + offsets[i]!, piece, piece.length)
  if (mprotect(start, bytes, readExecute) !== 0) throw new Error('the system forbids executable memory')
  return offsets.map((offset) => start + offset)
}

/** The code at an address as a function of so many integers. */
export function callable(address: number, parameters: number): (...args: number[]) => void {
  const native = load()
  const type = native.proto(
    'void',
    Array.from({ length: parameters }, () => 'int64_t'),
  )
  return native.decode(address, type)
}

/** Where the shared memory begins; growing it does not move it. */
export const addressOf = (memory: WasmMemory): number => Number(load().address(new Uint8Array(memory.buffer)))

/**
 * Asks the system for pages of 2 MB under the memory's first `bytes`, where it has them: products that walk down columns
 * touch another page at each step. A system that does not want to leaves everything as it is.
 */
export function adviseLargePages(memory: WasmMemory, bytes: number): void {
  const madvise = load().load(library).func('int madvise(intptr_t at, size_t bytes, int advice)')
  const largePages = 14
  madvise(addressOf(memory), bytes, largePages)
}
