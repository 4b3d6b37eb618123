// From tens of thousands of columns to a hundred: the principal subspace of the training rows, by block power iteration
// (V ← orth(Xᵀ(X V))), or a random one (Johnson and Lindenstrauss). Any basis of it will do: what is learned on top does not
// depend on how the axes lie in it.
import type { RandomStream } from '@mixlab/core'
import { rowCount, type SparseRows, timesDense, transposedTimesDense } from './sparse-rows.ts'

/** Makes the columns of v [rows, width] orthonormal, in place (modified Gram–Schmidt, twice is enough). */
function orthonormalize(v: Float32Array, width: number): void {
  const rows = v.length / width
  const columns = Array.from({ length: width }, (_, i) =>
    Float64Array.from({ length: rows }, (__, r) => v[r * width + i]!),
  )
  for (const [i, column] of columns.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (const earlier of columns.slice(0, i)) {
        let dot = 0
        for (let r = 0; r < rows; r++) dot += column[r]! * earlier[r]!
        for (let r = 0; r < rows; r++) column[r]! -= dot * earlier[r]!
      }
    }
    let squares = 0
    for (let r = 0; r < rows; r++) squares += column[r]! * column[r]!
    // A direction that is not there (fewer independent rows than dimensions) stays 0.
    const scale = squares > 1e-20 ? 1 / Math.sqrt(squares) : 0
    for (let r = 0; r < rows; r++) {
      column[r]! *= scale
      v[r * width + i] = column[r]!
    }
  }
}

/** An orthonormal basis [columns, width] of what most of the rows lie in. */
export function principalSubspace(
  x: SparseRows,
  { width, iterations, rng }: { readonly width: number; readonly iterations: number; readonly rng: RandomStream },
): Float32Array {
  let basis = transposedTimesDense(x, rng.normals(rowCount(x) * width), width)
  orthonormalize(basis, width)
  for (let i = 0; i < iterations; i++) {
    basis = transposedTimesDense(x, timesDense(x, basis, width), width)
    orthonormalize(basis, width)
  }
  return basis
}

/** A matrix [columns, width] of normal numbers with deviation 1/√width: lengths are kept on average. */
export const randomSubspace = (columns: number, width: number, rng: RandomStream): Float32Array =>
  rng.normals(columns * width).map((value) => value / Math.sqrt(width))
