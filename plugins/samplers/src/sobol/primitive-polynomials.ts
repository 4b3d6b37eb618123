// Primitive polynomials over GF(2), the recurrences of Sobol's direction numbers. A polynomial is a number whose bit i is the
// coefficient of x^i.

/** a · b modulo `polynomial` of the given degree. */
function multiply(a: number, b: number, polynomial: number, degree: number): number {
  let product = 0
  for (let rest = b; rest > 0; rest >>>= 1) {
    if (rest & 1) product ^= a
    a <<= 1
    if (a >>> degree) a ^= polynomial
  }
  return product
}

function power(exponent: number, polynomial: number, degree: number): number {
  let result = 1
  // x itself; of degree 1 it is the constant 1.
  let base = degree === 1 ? 1 : 2
  for (let rest = exponent; rest > 0; rest >>>= 1) {
    if (rest & 1) result = multiply(result, base, polynomial, degree)
    base = multiply(base, base, polynomial, degree)
  }
  return result
}

function primeFactors(n: number): number[] {
  const factors: number[] = []
  for (let p = 2; p * p <= n; p++) {
    if (n % p === 0) factors.push(p)
    while (n % p === 0) n /= p
  }
  return n > 1 ? [...factors, n] : factors
}

/** x has the order 2^degree − 1 modulo the polynomial: its powers are all the non-zero residues. */
function isPrimitive(polynomial: number, degree: number): boolean {
  const order = 2 ** degree - 1
  return (
    power(order, polynomial, degree) === 1 &&
    primeFactors(order).every((factor) => order === factor || power(order / factor, polynomial, degree) !== 1)
  )
}

/** The first `count` of them in ascending order: 3 (x + 1), 7, 11, 13, 19, … */
export function primitivePolynomials(count: number): { readonly polynomial: number; readonly degree: number }[] {
  const found: { polynomial: number; degree: number }[] = []
  for (let polynomial = 3; found.length < count; polynomial += 2) {
    const degree = 31 - Math.clz32(polynomial)
    if (isPrimitive(polynomial, degree)) found.push({ polynomial, degree })
  }
  return found
}
