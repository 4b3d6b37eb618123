// The kernels as this runtime compiled them, once for the process.
import { readFileSync } from 'node:fs'
import { MixlabError } from '@mixlab/core'
import { wasm, type WasmModule } from './web-assembly.ts'

let compiled: WasmModule | undefined

/** The compiled kernels. Throws MixlabError where they were not built or this runtime cannot compile them. */
export function kernelModule(): WasmModule {
  if (compiled) return compiled
  let bytes: Uint8Array
  try {
    bytes = readFileSync(new URL('../generated/kernels.wasm', import.meta.url))
  } catch (cause) {
    throw new MixlabError('the cpu engine has no compiled kernels: run `pnpm generate` in the workspace', { cause })
  }
  try {
    return (compiled = new wasm.Module(bytes))
  } catch (cause) {
    const found = `Node ${process.versions.node}`
    throw new MixlabError(`the cpu engine needs WebAssembly with relaxed SIMD (Node 22 or later; this is ${found})`, {
      cause,
    })
  }
}
