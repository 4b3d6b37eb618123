// Products with a gated unit behind them: within the products' own kernel where that can be, else as a kernel of its own.
import type { CpuBackend } from './backend.ts'
import { gatedGrain, gatedKernel } from './kernels/activation.ts'
import { canBeFollowed, type Epilogue, multiply, type Product } from './products.ts'

type Gated = Required<Pick<Epilogue, 'precision' | 'unit'>>
type GatedProduct = Product & Required<Pick<Product, 'beside'>>

/**
 * As value, products are gate ‖ up in rows of n = 2F, and act(gate) · up is written beside them, to rows of F. As gradient,
 * they are the unit's dy, n = F, in rows of at least 2F; beside them are gate ‖ up, whose gradient takes their place.
 */
export function multiplyGated(backend: CpuBackend, products: readonly GatedProduct[], gated: Gated): void {
  const within = products.filter((product) => canBeFollowed(backend, product, gated))
  if (within.length > 0) multiply(backend, within, gated)
  if (within.length === products.length) return
  const apart = products.filter((product) => !within.includes(product))
  multiply(backend, apart, { precision: gated.precision })
  for (const product of joined(apart, gated)) runUnit(backend, product, gated)
}

const besideRow = ({ n }: Product, { unit }: Gated): number => (unit.as === 'value' ? n / 2 : 2 * n)

/** Those whose rows follow one another as one. */
function joined(products: readonly GatedProduct[], gated: Gated): GatedProduct[] {
  const all: GatedProduct[] = []
  for (const product of products) {
    if (product.m === 0 || product.n === 0) continue
    const last = all.at(-1)
    const follows =
      last !== undefined &&
      product.result === last.result + 4 * last.m * last.resultRow &&
      product.beside === last.beside + 4 * last.m * besideRow(last, gated)
    if (follows) all[all.length - 1] = { ...last, m: last.m + product.m }
    else all.push(product)
  }
  return all
}

function runUnit(backend: CpuBackend, { result, beside, m, n, resultRow }: GatedProduct, { unit }: Gated): void {
  const kernel = gatedKernel(unit.activation)
  if (unit.as === 'value') return backend.run(kernel, m, gatedGrain(n / 2), result, beside, n / 2)
  backend.run(`${kernel}Grad`, m, gatedGrain(n), result, beside, result, n, resultRow, resultRow)
}
