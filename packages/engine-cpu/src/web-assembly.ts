// The part of the WebAssembly interface that the engine uses: neither the ECMAScript library nor Node's types declare
// it, and the browser's library would declare a window as well.

export interface WasmModule {
  readonly [Symbol.toStringTag]: 'WebAssembly.Module'
}

export interface WasmMemory {
  /** For a shared memory a new object after each growth. */
  readonly buffer: SharedArrayBuffer
  grow(pages: number): number
}

export const wasm = (globalThis as unknown as { WebAssembly: unknown }).WebAssembly as {
  Module: {
    new (bytes: Uint8Array): WasmModule
    exports(module: WasmModule): { name: string; kind: string }[]
  }
  Instance: new (module: WasmModule, imports: { env: { memory: WasmMemory } }) => { exports: unknown }
  Memory: new (options: { initial: number; maximum: number; shared: true }) => WasmMemory
}
