// A correctly rounded logarithm, as that of glibc is but for one case in 25,000. V8's is one ulp off in one of 140, and the
// number of Hyperband's brackets hangs on that ulp: ⌊ln 243 / ln 3⌋ is 4 in Python, and in Optuna.

const bits = 160n
const one = 1n << bits

/** ln((1 + t)/(1 − t)) = 2 (t + t³/3 + t⁵/5 + …), in units of 2^−160, for t = numerator/denominator ≤ 1/3. */
function logOfRatio(numerator: bigint, denominator: bigint): bigint {
  const t = (numerator << bits) / denominator
  const square = (t * t) >> bits
  let sum = 0n
  for (let power = t, k = 1n; power > 0n; power = (power * square) >> bits, k += 2n) sum += power / k
  return 2n * sum
}

/** ln x, x > 0 and not subnormal. */
export function naturalLog(x: number): number {
  const exponent = Math.floor(Math.log2(x))
  const mantissa = BigInt(x * 2 ** (52 - exponent)) << (bits - 52n)
  const sum = BigInt(exponent) * logOfRatio(1n, 3n) + logOfRatio(mantissa - one, mantissa + one)
  return Number(sum) / 2 ** Number(bits)
}
