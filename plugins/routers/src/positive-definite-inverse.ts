// The inverse of a symmetric positive definite matrix by Cholesky's decomposition, in float64 on the host: A = L Lᵀ, then
// A⁻¹ = L⁻ᵀ L⁻¹.

/**
 * @param matrix n × n, row by row; only the lower triangle is read
 * @returns its inverse, row by row
 */
export function positiveDefiniteInverse(matrix: ArrayLike<number>, n: number): Float64Array {
  const l = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!
      l[i * n + j] = i === j ? Math.sqrt(sum) : sum / l[j * n + j]!
    }
  }
  // Row c of `rows` is column c of L⁻¹, by forward substitution of unit vectors.
  const rows = new Float64Array(n * n)
  for (let c = 0; c < n; c++) {
    rows[c * n + c] = 1 / l[c * n + c]!
    for (let i = c + 1; i < n; i++) {
      let sum = 0
      for (let k = c; k < i; k++) sum -= l[i * n + k]! * rows[c * n + k]!
      rows[c * n + i] = sum / l[i * n + i]!
    }
  }
  const inverse = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let k = i; k < n; k++) sum += rows[i * n + k]! * rows[j * n + k]!
      inverse[i * n + j] = sum
      inverse[j * n + i] = sum
    }
  }
  return inverse
}
