// Elementary functions on four float32 at once. Polynomials are minimax fits (Remez, relative error) made for these
// ranges. Largest errors against float64 over all magnitudes, in units of the last place (test/math.test.ts): exp 1,
// log 0.8, expm1, log1p, tanh and erf 1.5, softplus 2, sigmoid 2.5. NaN stays NaN, infinities go to their limits.

const LN2_HIGH: f32 = 0.693359375 // 9 bits, so that an exponent times it is exact
const LN2_LOW: f32 = -2.12194440054690583e-4
const ROUND: f32 = 12582912 // 1.5 · 2^23: adding it leaves the nearest integer in the low mantissa bits

@inline function splat(x: f32): v128 {
  return f32x4.splat(x)
}

/** e^r − 1 for |r| ≤ ln(2)/2. */
@inline function expm1Reduced(r: v128): v128 {
  let p = f32x4.relaxed_madd(splat(0.0013813145330614044), r, splat(0.0083694188448871856))
  p = f32x4.relaxed_madd(p, r, splat(0.041668456769689471))
  p = f32x4.relaxed_madd(p, r, splat(0.1666651479130512))
  p = f32x4.relaxed_madd(p, r, splat(0.49999993050821218))
  return f32x4.relaxed_madd(p, f32x4.mul(r, r), r)
}

/** x − n·ln 2. */
@inline function reduce(x: v128, n: v128): v128 {
  return f32x4.relaxed_madd(n, splat(-LN2_LOW), f32x4.relaxed_madd(n, splat(-LN2_HIGH), x))
}

/** e^x, through subnormals to 0 and to Infinity. */
@inline export function exp(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(x, splat(89)), splat(-104))
  const shifted = f32x4.relaxed_madd(clamped, splat(1.4426950408889634), splat(ROUND))
  const e = f32x4.add(expm1Reduced(reduce(clamped, f32x4.sub(shifted, splat(ROUND)))), splat(1))
  // two factors, since 2^n itself leaves the range of normal numbers at both ends
  const n = i32x4.sub(shifted, i32x4.splat(0x4b400000))
  const half = i32x4.shr_s(n, 1)
  const one = i32x4.splat(0x3f800000)
  const first = i32x4.add(i32x4.shl(half, 23), one)
  const second = i32x4.add(i32x4.shl(i32x4.sub(n, half), 23), one)
  return v128.andnot(f32x4.mul(f32x4.mul(e, first), second), f32x4.lt(x, splat(-104)))
}

/** e^x for x ≤ 88 where results below 2^-126 may be 0: for softmax, whose arguments are at most 0. */
@inline export function expFlushed(x: v128): v128 {
  const clamped = f32x4.pmax(x, splat(-87.336544))
  const shifted = f32x4.relaxed_madd(clamped, splat(1.4426950408889634), splat(ROUND))
  const e = f32x4.add(expm1Reduced(reduce(clamped, f32x4.sub(shifted, splat(ROUND)))), splat(1))
  const scale = i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(0x3f800000))
  return v128.andnot(f32x4.mul(e, scale), f32x4.lt(x, splat(-87.336544)))
}

@inline export function expm1(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(x, splat(20)), splat(-20))
  const shifted = f32x4.relaxed_madd(clamped, splat(1.4426950408889634), splat(ROUND))
  const p = expm1Reduced(reduce(clamped, f32x4.sub(shifted, splat(ROUND))))
  const scale = i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(0x3f800000))
  const y = f32x4.relaxed_madd(p, scale, f32x4.sub(scale, splat(1)))
  return v128.bitselect(exp(x), v128.bitselect(x, y, f32x4.eq(x, splat(0))), f32x4.gt(x, splat(20)))
}

/** Natural logarithm; −Infinity at 0, NaN below. */
@inline export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, splat(1.17549435e-38))
  const normal = v128.bitselect(f32x4.mul(x, splat(8388608)), x, tiny)
  // x = 2^k · (1 + f) with 1 + f in [√½, √2)
  const k = i32x4.shr_s(i32x4.sub(normal, i32x4.splat(0x3f3504f3)), 23)
  const f = f32x4.sub(i32x4.sub(normal, i32x4.shl(k, 23)), splat(1))
  const n = f32x4.sub(f32x4.convert_i32x4_s(k), v128.and(tiny, splat(23)))
  let p = f32x4.relaxed_madd(splat(-0.076346578674545034), f, splat(0.1276166022397521))
  p = f32x4.relaxed_madd(p, f, splat(-0.13160156138751443))
  p = f32x4.relaxed_madd(p, f, splat(0.14201743881188181))
  p = f32x4.relaxed_madd(p, f, splat(-0.16623358982288024))
  p = f32x4.relaxed_madd(p, f, splat(0.20001227576015358))
  p = f32x4.relaxed_madd(p, f, splat(-0.25000820989613601))
  p = f32x4.relaxed_madd(p, f, splat(0.33333331698782248))
  const square = f32x4.mul(f, f)
  let y = f32x4.relaxed_madd(f32x4.mul(p, f), square, f32x4.mul(n, splat(LN2_LOW)))
  y = f32x4.relaxed_madd(square, splat(-0.5), y)
  y = f32x4.relaxed_madd(n, splat(LN2_HIGH), f32x4.add(y, f))
  y = v128.bitselect(x, y, f32x4.eq(x, splat(Infinity)))
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(x, splat(0)))
  return v128.bitselect(splat(NaN), y, v128.or(f32x4.lt(x, splat(0)), f32x4.ne(x, x)))
}

/** log(1 + x): the rounding error of 1 + x is put back to first order. */
@inline export function log1p(x: v128): v128 {
  const u = f32x4.add(x, splat(1))
  const y = f32x4.add(log(u), f32x4.div(f32x4.sub(x, f32x4.sub(u, splat(1))), u))
  const exact = v128.or(f32x4.eq(u, splat(1)), f32x4.eq(x, splat(Infinity)))
  return v128.bitselect(x, v128.bitselect(log(u), y, f32x4.eq(u, splat(0))), exact)
}

/** 1 / (1 + e^−x). Results below 2^-126 are 0. */
@inline export function sigmoid(x: v128): v128 {
  const e = expFlushed(f32x4.neg(f32x4.abs(x)))
  const upper = f32x4.div(splat(1), f32x4.add(splat(1), e))
  return v128.bitselect(f32x4.mul(e, upper), upper, f32x4.lt(x, splat(0)))
}

@inline export function tanh(x: v128): v128 {
  const size = f32x4.abs(x)
  const square = f32x4.mul(x, x)
  let p = f32x4.relaxed_madd(splat(-0.0062742397107648511), square, splat(0.021071679199590312))
  p = f32x4.relaxed_madd(p, square, splat(-0.053852309948657759))
  p = f32x4.relaxed_madd(p, square, splat(0.13332586138880603))
  p = f32x4.relaxed_madd(p, square, splat(-0.33333317559682631))
  const small = f32x4.relaxed_madd(f32x4.mul(p, square), x, x)
  const e = expFlushed(f32x4.pmin(f32x4.add(size, size), splat(20)))
  const large = f32x4.sub(splat(1), f32x4.div(splat(2), f32x4.add(e, splat(1))))
  return v128.bitselect(small, copySign(large, x), f32x4.lt(size, splat(0.55)))
}

/** Error function: an odd polynomial below 0.9, 1 − exp(polynomial for log erfc) above; exactly ±1 beyond 3.95. */
@inline export function erf(x: v128): v128 {
  const square = f32x4.mul(x, x)
  let p = f32x4.relaxed_madd(splat(8.5131048246836764e-5), square, splat(-0.00081756395070160741))
  p = f32x4.relaxed_madd(p, square, splat(0.0052038591831049887))
  p = f32x4.relaxed_madd(p, square, splat(-0.026860508475033566))
  p = f32x4.relaxed_madd(p, square, splat(0.11283715033135494))
  p = f32x4.relaxed_madd(p, square, splat(-0.37612634979876753))
  p = f32x4.relaxed_madd(p, square, splat(0.1283791667643679))
  const small = f32x4.relaxed_madd(p, x, x)
  const size = f32x4.pmin(f32x4.abs(x), splat(3.95))
  let q = f32x4.relaxed_madd(splat(-2.0828498707781035e-5), size, splat(0.0004313922331487801))
  q = f32x4.relaxed_madd(q, size, splat(-0.0041562487262413799))
  q = f32x4.relaxed_madd(q, size, splat(0.025080600937332786))
  q = f32x4.relaxed_madd(q, size, splat(-0.10822036117964292))
  q = f32x4.relaxed_madd(q, size, splat(-0.63340087053763292))
  q = f32x4.relaxed_madd(q, size, splat(-1.1294883972349944))
  q = f32x4.relaxed_madd(q, size, splat(0.00016920332510267815))
  const large = copySign(f32x4.sub(splat(1), expFlushed(q)), x)
  return v128.bitselect(small, large, f32x4.lt(size, splat(0.9)))
}

@inline function copySign(size: v128, sign: v128): v128 {
  return v128.or(size, v128.and(sign, i32x4.splat(i32.MIN_VALUE)))
}

/** log(1 + e^x). */
@inline export function softplus(x: v128): v128 {
  const rest = log1p(expFlushed(f32x4.neg(f32x4.abs(x))))
  return f32x4.add(f32x4.pmax(x, splat(0)), rest)
}
