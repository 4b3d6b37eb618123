// A product of plain arrays on an engine of a test's own.
import type { CpuBackend } from '../src/backend.ts'
import { type Epilogue, multiply } from '../src/products.ts'

export interface ProductShape {
  readonly m: number
  readonly n: number
  readonly k: number
}

/** left [m, k] · right [k, n] */
export function product(
  backend: CpuBackend,
  { m, n, k }: ProductShape,
  left: Float32Array,
  right: Float32Array,
  epilogue: Epilogue = {},
): Float32Array {
  const infos = [left, right, new Float32Array(m * n)].map((data) => {
    const info = backend.output([data.length], 'float32')
    backend.view(info).set(data)
    return info
  })
  const [a, b, c] = infos.map((info) => backend.pointer(info)) as [number, number, number]
  const strides = { leftRow: k, leftDepth: 1, rightDepth: n, rightColumn: 1, resultRow: n }
  multiply(backend, [{ left: a, right: b, result: c, m, n, k, ...strides }], epilogue)
  const found = Float32Array.from(backend.view(infos[2]!))
  for (const info of infos) backend.release(info)
  return found
}
