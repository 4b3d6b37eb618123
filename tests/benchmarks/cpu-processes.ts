// Runs one side of the CPU benchmark in a process of its own: threads and instructions are fixed when a process starts.
import { join } from 'node:path'
import type { Outcome } from './cpu-workloads.ts'
import type { Precision } from './operations.ts'
import { findPython, lastLine } from './peer-process.ts'

const here = import.meta.dirname

/** Which instructions our engine may use: the best that it finds, or no more than these. */
export type Isa = 'best' | 'amx' | 'avx512' | 'avx2' | 'wasm'

const environments: Readonly<Record<Isa, Readonly<Record<string, string>>>> = {
  best: {},
  amx: { MIXLAB_ISA: 'amx' },
  avx512: { MIXLAB_ISA: 'avx512' },
  avx2: { MIXLAB_ISA: 'avx2' },
  wasm: { MIXLAB_NATIVE: 'off' },
}

export const isas = Object.keys(environments) as Isa[]

/** By what the engine says of its kernels: an engine that does not know MIXLAB_ISA ran something else than asked for. */
export function isaOf({ kernels }: Outcome['engine']): Exclude<Isa, 'best'> {
  if (/amx/i.test(String(kernels))) return 'amx'
  if (/avx-?512/i.test(String(kernels))) return 'avx512'
  return /avx-?2/i.test(String(kernels)) ? 'avx2' : 'wasm'
}

export interface Measurement {
  readonly threads: number
  readonly repeats: number
  readonly only: readonly string[]
}

/** One entry of what peer/main.py prints; `value`, or why it failed. */
export interface PeerFigure {
  readonly workload: string
  readonly precision: Precision
  readonly variant: string
  readonly unit: 'GFLOP/s' | 'ms'
  readonly value?: number
  readonly failed?: string
  readonly less?: boolean
}

/** As peer/main.py names a variant that it should leave out. */
export const skipKey = ({ workload, precision, variant }: Omit<PeerFigure, 'unit'>): string =>
  `${workload}|${precision}|${variant}`

export interface PeerOutcome {
  readonly figures: readonly PeerFigure[]
  readonly bandwidth: { readonly copy: number; readonly read: number }
  readonly versions: Readonly<Record<string, string | number>>
}

export function runOurs(isa: Isa, precision: Precision, { threads, repeats, only }: Measurement) {
  const args = [join(here, 'cpu-workloads.ts'), String(repeats), precision, ...only]
  return lastLine<Outcome>(process.execPath, args, { ...environments[isa], MIXLAB_THREADS: String(threads) })
}

/** What torch.compile makes is kept between processes and runs. */
const compilerCache = join(here, '../../node_modules/.cache/mixlab-benchmark-inductor')

export function runPeer(
  python: string,
  precisions: readonly Precision[],
  { threads, repeats, only }: Measurement,
  skip: readonly string[],
): Promise<PeerOutcome | string> {
  const args = [join(here, 'peer/main.py'), String(threads), String(repeats), precisions.join(','), ...only]
  const env = { TORCHINDUCTOR_CACHE_DIR: compilerCache, MIXLAB_PEER_SKIP: JSON.stringify(skip) }
  return lastLine<PeerOutcome>(python, args, env)
}

/** A Python that has PyTorch and transformers. */
export const findPeer = (): string | undefined => findPython(['torch', 'transformers'])
