// Elementary functions on four float32 at once. Polynomials are minimax fits (Remez, relative error) made for these
// ranges. Largest errors against float64 over all magnitudes, in units of the last place (test/math.test.ts): exp 1,
// log 0.8, expm1, log1p, tanh and erf 1.5, softplus 2, sigmoid 2.5. NaN stays NaN, infinities go to their limits.
//
// Constants are broadcast from memory, not written as f32x4.splat(c): V8 builds a vector constant anew from integer
// registers at every use, and loads made e^x more than twice as fast.

const TABLE: usize = memory.data<f32>([
  1, 2, 0.5, -0.5, 1.4426950408889634, 12582912, -0.693359375, 2.12194440054690583e-4,
  89, -104, -87.336544, 20,
  0.0013813145330614044, 0.0083694188448871856, 0.041668456769689471, 0.1666651479130512, 0.49999993050821218,
  0.693359375, -2.12194440054690583e-4, 1.17549435e-38, 8388608, 23,
  -0.076346578674545034, 0.1276166022397521, -0.13160156138751443, 0.14201743881188181, -0.16623358982288024,
  0.20001227576015358, -0.25000820989613601, 0.33333331698782248,
  0.55, -0.0062742397107648511, 0.021071679199590312, -0.053852309948657759, 0.13332586138880603, -0.33333317559682631,
  0.9, 3.95, 8.5131048246836764e-5, -0.00081756395070160741, 0.0052038591831049887, -0.026860508475033566,
  0.11283715033135494, -0.37612634979876753, 0.1283791667643679,
  -2.0828498707781035e-5, 0.0004313922331487801, -0.0041562487262413799, 0.025080600937332786, -0.10822036117964292,
  -0.63340087053763292, -1.1294883972349944, 0.00016920332510267815,
  0.70710676908493042, Infinity, NaN,
])

// positions in the table
const ONE: usize = 0
const TWO: usize = 1
const MINUS_HALF: usize = 3
const LOG2_E: usize = 4
const ROUND: usize = 5 // 1.5 · 2^23: adding it leaves the nearest integer in the low mantissa bits
const MINUS_LN2_HIGH: usize = 6 // 9 bits, so that an exponent times it is exact
const MINUS_LN2_LOW: usize = 7
const HIGHEST: usize = 8
const LOWEST: usize = 9
const FLUSHED: usize = 10
const TWENTY: usize = 11
const EXP: usize = 12
const LN2_HIGH: usize = 17
const LN2_LOW: usize = 18
const SMALLEST_NORMAL: usize = 19
const TWO_TO_23: usize = 20
const TWENTY_THREE: usize = 21
const LOG: usize = 22
const TANH_LIMIT: usize = 30
const TANH: usize = 31
const ERF_LIMIT: usize = 36
const ERF_END: usize = 37
const ERF_SMALL: usize = 38
const ERF_LARGE: usize = 45
const ROOT_HALF: usize = 53
const INFINITY: usize = 54
const NOT_A_NUMBER: usize = 55

@inline function at(position: usize): v128 {
  return v128.load32_splat(TABLE + (position << 2))
}

/** p·x + the constant at a position. */
@inline function step(p: v128, x: v128, position: usize): v128 {
  return f32x4.relaxed_madd(p, x, at(position))
}

/** 1 in all lanes, cheaper than a splat. */
@inline export function one(): v128 {
  return at(ONE)
}

/** x / ln 2, rounded: the integer is in the low bits. */
@inline function shift(x: v128): v128 {
  return f32x4.relaxed_madd(x, at(LOG2_E), at(ROUND))
}

/** e^r − 1 with r = x − n·ln 2, |r| ≤ ln(2)/2. */
@inline function expm1Reduced(x: v128, shifted: v128): v128 {
  const n = f32x4.sub(shifted, at(ROUND))
  const r = f32x4.relaxed_madd(n, at(MINUS_LN2_LOW), f32x4.relaxed_madd(n, at(MINUS_LN2_HIGH), x))
  const p = step(step(step(step(at(EXP), r, EXP + 1), r, EXP + 2), r, EXP + 3), r, EXP + 4)
  return f32x4.relaxed_madd(p, f32x4.mul(r, r), r)
}

/** 2^n for −126 ≤ n ≤ 127, n the integer in `shifted`. */
@inline function power(shifted: v128): v128 {
  return i32x4.add(i32x4.shl(shifted, 23), at(ONE))
}

/** e^x, through subnormals to 0 and to Infinity. */
@inline export function exp(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(x, at(HIGHEST)), at(LOWEST))
  const shifted = shift(clamped)
  const e = f32x4.add(expm1Reduced(clamped, shifted), at(ONE))
  // two factors, since 2^n itself leaves the range of normal numbers at both ends
  const n = i32x4.sub(shifted, at(ROUND))
  const half = i32x4.shr_s(n, 1)
  const first = power(half)
  const second = power(i32x4.sub(n, half))
  return v128.andnot(f32x4.mul(f32x4.mul(e, first), second), f32x4.lt(x, at(LOWEST)))
}

/** e^x for x ≤ 88 where results below 2^-126 may be 0: for softmax, whose arguments are at most 0. */
@inline export function expFlushed(x: v128): v128 {
  const least = at(FLUSHED)
  const clamped = f32x4.pmax(x, least)
  const shifted = shift(clamped)
  const e = f32x4.add(expm1Reduced(clamped, shifted), at(ONE))
  return v128.andnot(f32x4.mul(e, power(shifted)), f32x4.lt(x, least))
}

@inline export function expm1(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(x, at(TWENTY)), f32x4.neg(at(TWENTY)))
  const shifted = shift(clamped)
  const scale = power(shifted)
  const y = f32x4.relaxed_madd(expm1Reduced(clamped, shifted), scale, f32x4.sub(scale, at(ONE)))
  return v128.bitselect(exp(x), v128.bitselect(x, y, f32x4.eq(x, f32x4.splat(0))), f32x4.gt(x, at(TWENTY)))
}

/** Natural logarithm; −Infinity at 0, NaN below. */
@inline export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, at(SMALLEST_NORMAL))
  const normal = v128.bitselect(f32x4.mul(x, at(TWO_TO_23)), x, tiny)
  // x = 2^k · (1 + f) with 1 + f in [√½, √2)
  const k = i32x4.shr_s(i32x4.sub(normal, at(ROOT_HALF)), 23)
  const f = f32x4.sub(i32x4.sub(normal, i32x4.shl(k, 23)), at(ONE))
  const n = f32x4.sub(f32x4.convert_i32x4_s(k), v128.and(tiny, at(TWENTY_THREE)))
  let p = step(step(step(at(LOG), f, LOG + 1), f, LOG + 2), f, LOG + 3)
  p = step(step(step(step(p, f, LOG + 4), f, LOG + 5), f, LOG + 6), f, LOG + 7)
  const square = f32x4.mul(f, f)
  let y = f32x4.relaxed_madd(f32x4.mul(p, f), square, f32x4.mul(n, at(LN2_LOW)))
  y = f32x4.relaxed_madd(square, at(MINUS_HALF), y)
  y = f32x4.relaxed_madd(n, at(LN2_HIGH), f32x4.add(y, f))
  const zero = f32x4.splat(0)
  y = v128.bitselect(x, y, f32x4.eq(x, at(INFINITY)))
  y = v128.bitselect(f32x4.neg(at(INFINITY)), y, f32x4.eq(x, zero))
  return v128.bitselect(at(NOT_A_NUMBER), y, v128.or(f32x4.lt(x, zero), f32x4.ne(x, x)))
}

/** log(1 + x): the rounding error of 1 + x is put back to first order. */
@inline export function log1p(x: v128): v128 {
  const u = f32x4.add(x, at(ONE))
  const logarithm = log(u)
  const y = f32x4.add(logarithm, f32x4.div(f32x4.sub(x, f32x4.sub(u, at(ONE))), u))
  const exact = v128.or(f32x4.eq(u, at(ONE)), f32x4.eq(x, at(INFINITY)))
  return v128.bitselect(x, v128.bitselect(logarithm, y, f32x4.eq(u, f32x4.splat(0))), exact)
}

/** 1 / (1 + e^−x). Results below 2^-126 are 0. */
@inline export function sigmoid(x: v128): v128 {
  const e = expFlushed(f32x4.neg(f32x4.abs(x)))
  const upper = f32x4.div(at(ONE), f32x4.add(at(ONE), e))
  return v128.bitselect(f32x4.mul(e, upper), upper, f32x4.lt(x, f32x4.splat(0)))
}

@inline export function tanh(x: v128): v128 {
  const size = f32x4.abs(x)
  const square = f32x4.mul(x, x)
  const p = step(step(step(step(at(TANH), square, TANH + 1), square, TANH + 2), square, TANH + 3), square, TANH + 4)
  const small = f32x4.relaxed_madd(f32x4.mul(p, square), x, x)
  const e = expFlushed(f32x4.pmin(f32x4.add(size, size), at(TWENTY)))
  const large = f32x4.sub(at(ONE), f32x4.div(at(TWO), f32x4.add(e, at(ONE))))
  return v128.bitselect(small, copySign(large, x), f32x4.lt(size, at(TANH_LIMIT)))
}

/** Error function: an odd polynomial below 0.9, 1 − exp(polynomial for log erfc) above; exactly ±1 beyond 3.95. */
@inline export function erf(x: v128): v128 {
  const square = f32x4.mul(x, x)
  let p = step(step(step(at(ERF_SMALL), square, ERF_SMALL + 1), square, ERF_SMALL + 2), square, ERF_SMALL + 3)
  p = step(step(step(p, square, ERF_SMALL + 4), square, ERF_SMALL + 5), square, ERF_SMALL + 6)
  const small = f32x4.relaxed_madd(p, x, x)
  const size = f32x4.pmin(f32x4.abs(x), at(ERF_END))
  let q = step(step(step(at(ERF_LARGE), size, ERF_LARGE + 1), size, ERF_LARGE + 2), size, ERF_LARGE + 3)
  q = step(step(step(step(q, size, ERF_LARGE + 4), size, ERF_LARGE + 5), size, ERF_LARGE + 6), size, ERF_LARGE + 7)
  const large = copySign(f32x4.sub(at(ONE), expFlushed(q)), x)
  return v128.bitselect(small, large, f32x4.lt(size, at(ERF_LIMIT)))
}

@inline function copySign(size: v128, sign: v128): v128 {
  return v128.or(size, v128.and(sign, f32x4.neg(f32x4.splat(0))))
}

/** log(1 + e^x). */
@inline export function softplus(x: v128): v128 {
  const rest = log1p(expFlushed(f32x4.neg(f32x4.abs(x))))
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), rest)
}
