// How different texts are, by their words alone: no embedding model, no key. Two figures over one similarity, the cosine of
// `lexicalVector`s:
//
//   dispersion   1 − the mean similarity of pairs: 0 when all are the same, 1 when they share nothing
//   Vendi score  the exponential of the entropy of the similarity matrix's eigenvalues (Friedman & Dieng 2023): the number
//                of texts that differ, from 1 to how many there are
import { lexicalVector, similarity } from '@mixlab/agents'

/** Of each text with each, 0 … 1; with itself 1. */
export function similarities(texts: readonly string[]): number[][] {
  const vectors = texts.map(lexicalVector)
  return vectors.map((a, i) => vectors.map((b, j) => (i === j ? 1 : similarity(a, b))))
}

/** 1 − the mean similarity of two different ones. NaN for fewer than two. */
export function dispersion(similarity: readonly (readonly number[])[]): number {
  const n = similarity.length
  const sum = similarity.reduce((total, row) => total + row.reduce((all, value) => all + value, 0), 0)
  return n < 2 ? NaN : 1 - (sum - n) / (n * (n - 1))
}

/** The Vendi score of a similarity matrix with ones on its diagonal. */
export function vendiScore(similarity: readonly (readonly number[])[]): number {
  const n = similarity.length
  const entropy = eigenvalues(similarity.map((row) => row.map((value) => value / n))).reduce(
    (sum, value) => (value > 1e-15 ? sum - value * Math.log(value) : sum),
    0,
  )
  return Math.exp(entropy)
}

/** Of a small symmetric matrix, by Jacobi's rotations. */
function eigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const a = matrix.map((row) => [...row])
  const n = a.length
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const value = a[p]![q]!
        off += value * value
        if (value === 0) continue
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * value)
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
        const c = 1 / Math.sqrt(t * t + 1)
        const s = t * c
        for (let k = 0; k < n; k++) {
          const [kp, kq] = [a[k]![p]!, a[k]![q]!]
          a[k]![p] = c * kp - s * kq
          a[k]![q] = s * kp + c * kq
        }
        for (let k = 0; k < n; k++) {
          const [pk, qk] = [a[p]![k]!, a[q]![k]!]
          a[p]![k] = c * pk - s * qk
          a[q]![k] = s * pk + c * qk
        }
      }
    if (off < 1e-24) break
  }
  return a.map((row, index) => row[index]!)
}
