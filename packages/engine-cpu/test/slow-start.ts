// Loaded into worker threads before their own code: makes koffi's set-up take half a second, so that whatever ends the process
// meanwhile meets it. The calls are the real ones, many times over.
import { createRequire } from 'node:module'
import { isMainThread } from 'node:worker_threads'

if (!isMainThread) {
  const koffi = createRequire(new URL('../src/index.ts', import.meta.url))('koffi') as {
    decode: (...args: unknown[]) => unknown
  }
  const { decode } = koffi
  koffi.decode = (...args) => {
    const until = performance.now() + 20
    while (performance.now() < until) decode(...args)
    return decode(...args)
  }
}
