// The direction numbers of Sobol's sequence, 32 bits each. Initial numbers are Joe and Kuo's (new-joe-kuo-6), chosen so that
// pairs of dimensions fill the plane evenly; one row a dimension, from the second on.
//
// S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J. Sci. Comput. 30,
// 2635–2654 (2008); https://web.maths.unsw.edu.au/~fkuo/sobol. Copyright (c) 2008, Frances Y. Kuo and Stephen Joe. All rights
// reserved. Redistribution and use are permitted under the BSD licence that is given there; the numbers come without warranty.
import { primitivePolynomials } from './primitive-polynomials.ts'

const bits = 32

const initialNumbers = `
1 | 1 3 | 1 3 1 | 1 1 1 | 1 1 3 3 | 1 3 5 13 | 1 1 5 5 17 | 1 1 5 5 5 | 1 1 7 11 19 | 1 1 5 1 1 | 1 1 1 3 11
1 3 5 5 31 | 1 3 3 9 7 49 | 1 1 1 15 21 21 | 1 3 1 13 27 49 | 1 1 1 15 7 5 | 1 3 1 15 13 25 | 1 1 5 5 19 61
1 3 7 11 23 15 103 | 1 3 7 13 13 15 69 | 1 1 3 13 7 35 63 | 1 3 5 9 1 25 53 | 1 3 1 13 9 35 107 | 1 3 1 5 27 61 31
1 1 5 11 19 41 61 | 1 3 5 3 3 13 69 | 1 1 7 13 1 19 1 | 1 3 7 5 13 19 59 | 1 1 3 9 25 29 41 | 1 3 5 13 23 1 55
1 3 7 3 13 59 17 | 1 3 1 3 5 53 69 | 1 1 5 5 23 33 13 | 1 1 7 7 1 61 123 | 1 1 7 9 13 61 49 | 1 3 3 5 3 55 33
1 3 1 15 31 13 49 245 | 1 3 5 15 31 59 63 97 | 1 3 1 11 11 11 77 249 | 1 3 1 11 27 43 71 9 | 1 1 7 15 21 11 81 45
1 3 7 3 25 31 65 79 | 1 3 1 1 19 11 3 205 | 1 1 5 9 19 21 29 157 | 1 3 7 11 1 33 89 185 | 1 3 3 3 15 9 79 71
1 3 7 11 15 39 119 27 | 1 1 3 1 11 31 97 225 | 1 1 1 3 23 43 57 177 | 1 3 7 7 17 17 37 71 | 1 3 1 5 27 63 123 213
1 1 3 5 11 43 53 133 | 1 3 5 5 29 17 47 173 479 | 1 3 3 11 3 1 109 9 69 | 1 1 1 5 17 39 23 5 343
1 3 1 5 25 15 31 103 499 | 1 1 1 11 11 17 63 105 183 | 1 1 5 11 9 29 97 231 363 | 1 1 5 15 19 45 41 7 383
1 3 7 7 31 19 83 137 221 | 1 1 1 3 23 15 111 223 83 | 1 1 5 13 31 15 55 25 161 | 1 1 3 13 25 47 39 87 257
1 1 1 11 21 53 125 249 293 | 1 1 7 11 11 7 57 79 323 | 1 1 5 5 17 13 81 3 131 | 1 1 7 13 23 7 65 251 475
1 3 5 1 9 43 3 149 11 | 1 1 3 13 31 13 13 255 487 | 1 3 3 1 5 63 89 91 127 | 1 1 3 3 1 19 123 127 237
1 1 5 7 23 31 37 243 289 | 1 1 5 11 17 53 117 183 491 | 1 1 1 5 1 13 13 209 345 | 1 1 3 15 1 57 115 7 33
1 3 1 11 7 43 81 207 175 | 1 3 1 1 15 27 63 255 49 | 1 3 5 3 27 61 105 171 305 | 1 1 5 3 1 3 57 249 149
1 1 3 5 5 57 15 13 159 | 1 1 1 11 7 11 105 141 225 | 1 3 3 5 27 59 121 101 271 | 1 3 5 9 11 49 51 59 115
1 1 7 1 23 45 125 71 419 | 1 1 3 5 23 5 105 109 75 | 1 1 7 15 7 11 67 121 453 | 1 3 7 3 9 13 31 27 449
1 3 1 15 19 39 39 89 15 | 1 1 1 1 1 33 73 145 379 | 1 3 1 15 15 43 29 13 483 | 1 1 7 3 19 27 85 131 431
1 3 3 3 5 35 23 195 349 | 1 3 3 7 9 27 39 59 297 | 1 1 3 9 11 17 13 241 157 | 1 3 7 15 25 57 33 189 213
1 1 7 1 9 55 73 83 217 | 1 3 3 13 19 27 23 113 249 | 1 3 5 3 23 43 3 253 479 | 1 1 5 5 11 5 45 117 217
1 3 3 7 29 37 33 123 147
`

const rows = initialNumbers
  .trim()
  .split(/\s*[|\n]\s*/)
  .map((row) => row.split(' ').map(Number))

/** As many dimensions as there are initial numbers for. */
export const dimensions = rows.length + 1

/** m_k of dimension d by Sobol's recurrence, shifted to 32 bits: V[d][k] = m_k · 2^(31 − k). */
function directionNumbersOf(initial: readonly number[], polynomial: number, degree: number): Uint32Array {
  const v = new Uint32Array(bits)
  for (let k = 0; k < degree; k++) v[k] = initial[k]! << (bits - 1 - k)
  for (let k = degree; k < bits; k++) {
    let next = v[k - degree]! ^ (v[k - degree]! >>> degree)
    for (let i = 1; i < degree; i++) if ((polynomial >>> (degree - i)) & 1) next ^= v[k - i]!
    v[k] = next
  }
  return v
}

/** The direction numbers of the first `count` dimensions, at most `dimensions`. */
export function directionNumbers(count: number): Uint32Array[] {
  const polynomials = primitivePolynomials(Math.max(count - 1, 0))
  // The first dimension is van der Corput's sequence.
  const first = Uint32Array.from({ length: bits }, (_, k) => 2 ** (bits - 1 - k))
  const others = polynomials.map(({ polynomial, degree }, d) => directionNumbersOf(rows[d]!, polynomial, degree))
  return [first, ...others].slice(0, count)
}
