// TF-IDF with scikit-learn's smooth weights: (1 + ln count) · (ln((1 + n)/(1 + documents with it)) + 1), rows of norm 1. The
// weights come from the texts that a router is trained on and from no others.
import { rowCount, type SparseRows, sparseRows } from './sparse-rows.ts'

/** Of each column, over rows of counts. */
export function inverseDocumentFrequencies(counts: SparseRows): Float32Array {
  const documents = new Int32Array(counts.columns)
  for (const column of counts.indices) documents[column]!++
  return Float32Array.from(documents, (those) => Math.log((1 + rowCount(counts)) / (1 + those)) + 1)
}

/** One text's weights by column, from its counts. */
export function tfIdf(counts: ReadonlyMap<number, number>, idf: Float32Array): Map<number, number> {
  const weights = new Map<number, number>()
  let squares = 0
  for (const [column, count] of counts) {
    const weight = (1 + Math.log(count)) * idf[column]!
    weights.set(column, weight)
    squares += weight * weight
  }
  const norm = Math.sqrt(squares) || 1
  for (const [column, weight] of weights) weights.set(column, weight / norm)
  return weights
}

/** Rows of weights. */
export const tfIdfRows = (counts: readonly ReadonlyMap<number, number>[], idf: Float32Array): SparseRows =>
  sparseRows(
    counts.map((row) => tfIdf(row, idf)),
    idf.length,
  )
