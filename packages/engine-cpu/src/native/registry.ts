// The native kernels by the names of their WebAssembly twins: assembled when one first runs, kept for the process, and
// called by every thread by address.
import type { Kernel } from '../control.ts'
import type { WasmMemory } from '../web-assembly.ts'
import { attentionKernels } from './attention.ts'
import { attentionFewKernels } from './attention-few.ts'
import { attentionGradientKernels } from './attention-gradient.ts'
import { elementwiseKernels } from './elementwise.ts'
import { addressOf, callable, findProcessor, makeExecutable, type Processor } from './executable.ts'
import { fewKernels } from './few.ts'
import { assembleKernel, kernelParameters, type Write } from './kernel.ts'
import { normKernels } from './norm.ts'
import { optimizerKernels } from './optimizer.ts'
import { packKernels } from './pack.ts'
import { packAmxKernels } from './pack-amx.ts'
import { productKernels } from './product.ts'
import { rowKernels } from './rows.ts'
import { softmaxKernels } from './softmax.ts'

export const kernels: Readonly<Record<string, Write>> = {
  ...attentionKernels,
  ...attentionFewKernels,
  ...attentionGradientKernels,
  ...elementwiseKernels,
  ...fewKernels,
  ...normKernels,
  ...optimizerKernels,
  ...packKernels,
  ...packAmxKernels,
  ...productKernels,
  ...rowKernels,
  ...softmaxKernels,
}

export const nativeKernelNames = Object.keys(kernels)

export interface NativeKernels {
  readonly processor: Processor
  /** Address of the kernel's code; 0 where there is none. */
  address(name: string): number
}

let found: NativeKernels | string | undefined

/** The kernels for this processor; or, as text, why there are none. */
export function nativeKernels(): NativeKernels | string {
  return (found ??= find())
}

function find(): NativeKernels | string {
  const processor = findProcessor()
  if (typeof processor === 'string') return processor
  const addresses = new Map<string, number>()
  function address(name: string): number {
    const known = addresses.get(name)
    if (known !== undefined) return known
    const write = kernels[name]
    const [made] = write ? makeExecutable([assembleKernel((processor as Processor).set, write)]) : [0]
    addresses.set(name, made!)
    return made!
  }
  try {
    // The first tells whether the system allows it at all.
    address('addFloat')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return { processor, address }
}

/** Turns an address into a kernel of this thread. */
export function nativeCaller(memory: WasmMemory, thread: number): (address: number) => Kernel {
  const base = addressOf(memory)
  const known = new Map<number, Kernel>()
  return (address) => {
    let kernel = known.get(address)
    if (!kernel) {
      const call = callable(address, kernelParameters)
      kernel = (args, begin, end) => call(base, args, begin, end, thread)
      known.set(address, kernel)
    }
    return kernel
  }
}
