// A memory in which one kernel runs after another: WebAssembly's, and machine code for either instruction set, on the
// same contents at the same addresses. Between the tensors lie borders of NaN, and nothing but outputs may change.
import { controlBytes, type Kernel } from '../../src/control.ts'
import { kernelModule } from '../../src/kernel-module.ts'
import { createSharedMemory } from '../../src/memory.ts'
import { addressOf, callable, makeExecutable } from '../../src/native/executable.ts'
import { kernelParameters } from '../../src/native/kernel.ts'
import { wasm } from '../../src/web-assembly.ts'
import { type Elements, kernelCode, type Setup, type Target, thread } from './case.ts'

export type Chunk = readonly [begin: number, end: number]

export interface Placed {
  readonly at: Readonly<Record<string, number>>
  readonly args: number
}

/** Cuts [0, items) at fractions of it; the last piece comes first. */
export function chunks(items: number, cuts: readonly number[]): Chunk[] {
  const places = [0, ...cuts.map((cut) => Math.min(items, Math.floor(cut * (items + 1)))), items]
  const sorted = [...new Set(places)].toSorted((a, b) => a - b)
  return sorted
    .slice(1)
    .map((end, i) => [sorted[i]!, end] as const)
    .toReversed()
}

const borderWord = 0x7fa5a5a5
const borderBytes = 192

const { memory, buffer } = createSharedMemory({ bytes: 64 << 20 })
const exported = new wasm.Instance(kernelModule(), { env: { memory } }).exports as Record<string, Kernel> & {
  heapBase(): number
  setThreadIndex(index: number): void
}
exported.setThreadIndex(thread)
const start = Math.ceil((exported.heapBase() + controlBytes) / 4096) * 4096

export const hasTwin = (name: string): boolean => name in exported

const known = new Map<string, Kernel>()

function kernelOf(name: string, target: Target): Kernel {
  if (target === 'wasm') return exported[name]!
  const key = `${target} ${name}`
  const kernel = known.get(key) ?? kernelOfCode(kernelCode(target, name))
  known.set(key, kernel)
  return kernel
}

/** Machine code as a kernel on this memory. */
export function kernelOfCode(code: Uint8Array): Kernel {
  const [address] = makeExecutable([code])
  const call = callable(address!, kernelParameters)
  const base = addressOf(memory)
  return (args, begin, end) => call(base, args, begin, end, thread)
}

/** The tensors, and behind them the arguments, which the kernel may not change either. */
function place({ tensors, args }: Setup, shift: number): Placed & { readonly end: number } {
  const at: Record<string, number> = {}
  let next = start
  for (const [name, { bytes }] of Object.entries(tensors)) {
    // Kernels get addresses of rows of tensors, too: all that can be relied on is the element.
    at[name] = next + borderBytes + 4 * ((shift + Object.keys(at).length * 5) % 16)
    next = Math.ceil((at[name] + bytes) / 64) * 64
  }
  const argsAt = next + borderBytes
  const end = Math.ceil((argsAt + 8 * args(at).length + borderBytes) / 64) * 64
  if (end > buffer().byteLength) throw new Error('a case is too large for the memory of the test')
  return { at, args: argsAt, end }
}

const bytesAt = (from: number, to: number): Uint8Array => new Uint8Array(buffer(), from, to - from)

/** A copy of an output, in its type. */
function copyOf(like: Elements, at: number): Elements {
  const copy = like.slice()
  new Uint8Array(copy.buffer).set(bytesAt(at, at + copy.byteLength))
  return copy
}

/**
 * Runs a kernel by name and returns its outputs.
 * @throws Error where it changed anything else
 */
export function runKernel(
  name: string,
  target: Target,
  setup: Setup,
  cuts: readonly number[],
  shift: number,
  kernel = kernelOf(name, target),
): Record<string, Elements> {
  const placed = place(setup, shift)
  new Uint32Array(buffer(), start, (placed.end - start) / 4).fill(borderWord)
  const contents = Object.entries(setup.tensors).map(
    ([key, tensor]) => [key, tensor, tensor.contents(placed.at)] as const,
  )
  for (const [key, { bytes }, elements] of contents) {
    if (elements.byteLength !== bytes) throw new Error(`${name}: ${key} has ${elements.byteLength} bytes, not ${bytes}`)
    bytesAt(placed.at[key]!, placed.at[key]! + bytes).set(
      new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength),
    )
  }
  const args = Float64Array.from(setup.args(placed.at))
  bytesAt(placed.args, placed.args + args.byteLength).set(new Uint8Array(args.buffer))
  const before = bytesAt(start, placed.end).slice()

  for (const [begin, end] of chunks(setup.items, cuts)) kernel(placed.args, begin, end)

  let from = start
  for (const [key, { role, bytes }] of [...contents, ['the end', { role: 'end', bytes: 0 }] as const]) {
    if (role === 'input') continue
    const to = placed.at[key] ?? placed.end
    if (Buffer.compare(bytesAt(from, to), before.subarray(from - start, to - start)) !== 0)
      throw new Error(`${name} (${target}) wrote outside its outputs, before ${key}`)
    from = to + bytes
  }
  return Object.fromEntries(
    contents
      .filter(([, { role }]) => role === 'output')
      .map(([key, , elements]) => [key, copyOf(elements, placed.at[key]!)]),
  )
}
