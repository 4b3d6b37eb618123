// Sparse matrices by rows: what texts are before they are projected.

export interface SparseRows {
  readonly columns: number
  /** Row t owns the entries offsets[t] … offsets[t + 1]. */
  readonly offsets: Int32Array
  /** Column of each entry; ascending in a row. */
  readonly indices: Int32Array
  readonly values: Float32Array
}

export const rowCount = ({ offsets }: SparseRows): number => offsets.length - 1

/** Rows from column → value. */
export function sparseRows(rows: readonly ReadonlyMap<number, number>[], columns: number): SparseRows {
  const offsets = new Int32Array(rows.length + 1)
  for (const [t, row] of rows.entries()) offsets[t + 1] = offsets[t]! + row.size
  const indices = new Int32Array(offsets[rows.length]!)
  const values = new Float32Array(indices.length)
  for (const [t, row] of rows.entries()) {
    const sorted = Int32Array.from(row.keys()).toSorted()
    indices.set(sorted, offsets[t]!)
    for (const [i, column] of sorted.entries()) values[offsets[t]! + i] = row.get(column)!
  }
  return { columns, offsets, indices, values }
}

/** X · V. @param v [columns, width], row by row @returns [rows, width] */
export function timesDense(x: SparseRows, v: Float32Array, width: number): Float32Array {
  const product = new Float32Array(rowCount(x) * width)
  for (let t = 0; t < rowCount(x); t++) {
    const row = product.subarray(t * width, (t + 1) * width)
    for (let n = x.offsets[t]!; n < x.offsets[t + 1]!; n++) {
      const [value, from] = [x.values[n]!, x.indices[n]! * width]
      for (let i = 0; i < width; i++) row[i]! += value * v[from + i]!
    }
  }
  return product
}

/** Xᵀ · U. @param u [rows, width], row by row @returns [columns, width] */
export function transposedTimesDense(x: SparseRows, u: Float32Array, width: number): Float32Array {
  const product = new Float32Array(x.columns * width)
  for (let t = 0; t < rowCount(x); t++) {
    const row = u.subarray(t * width, (t + 1) * width)
    for (let n = x.offsets[t]!; n < x.offsets[t + 1]!; n++) {
      const [value, to] = [x.values[n]!, x.indices[n]! * width]
      for (let i = 0; i < width; i++) product[to + i]! += value * row[i]!
    }
  }
  return product
}
