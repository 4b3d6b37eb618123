// Elementary functions and activations as vector programs: the twins of assembly/math.ts and assembly/activation.ts,
// operation by operation, so that the results are the same bits. The derivations and errors are told there.
import type { Constant } from './instructions.ts'
import type { Program, Source, Vector } from './program.ts'

const highest = 89
const lowest = -104
const flushed = -87.336544
const round = 12582912 // 1.5 · 2^23
const expPolynomial = [
  0.0013813145330614045, 0.008369418844887186, 0.04166845676968947, 0.1666651479130512, 0.4999999305082122,
]
const logPolynomial = [
  -0.07634657867454503, 0.1276166022397521, -0.13160156138751444, 0.1420174388118818, -0.16623358982288025,
  0.20001227576015357, -0.25000820989613604, 0.3333333169878225,
]
const tanhPolynomial = [
  -0.0062742397107648515, 0.021071679199590312, -0.05385230994865776, 0.13332586138880603, -0.3333331755968263,
]
const erfSmall = [
  8.513104824683676e-5, -0.0008175639507016074, 0.0052038591831049886, -0.026860508475033566, 0.11283715033135494,
  -0.3761263497987675, 0.1283791667643679,
]
const erfLarge = [
  -2.0828498707781036e-5, 0.0004313922331487801, -0.00415624872624138, 0.025080600937332786, -0.10822036117964293,
  -0.6334008705376329, -1.1294883972349945, 0.00016920332510267816,
]
const mills = [
  0.03701020999, -0.1625273391, 0.215004163, -0.06101787952, 0.1319956848, 0.09905982421, 0.1208481633, 0.1196271954,
]

/** a < b ? b : a, as WebAssembly's pmax. */
export const largerOf = (p: Program, a: Source, b: Source): Vector => p.max(b, a)
export const smallerOf = (p: Program, a: Source, b: Source): Vector => p.min(b, a)

export const negate = (p: Program, x: Source): Vector => p.three('xor', p.bits(0x80000000), x)
export const absolute = (p: Program, x: Source): Vector => p.three('and', x, p.bits(0x7fffffff))

/** Highest power first. */
function polynomial(p: Program, coefficients: readonly number[], x: Vector): Vector {
  const [first, second, ...rest] = coefficients
  let y = p.fma(p.broadcast(p.constant(first!)), x, p.constant(second!))
  for (const coefficient of rest) y = p.fma(y, x, p.constant(coefficient))
  return y
}

const shift = (p: Program, x: Vector): Vector => p.fma(x, p.broadcast(p.constant(Math.LOG2E)), p.constant(round))

function expm1Reduced(p: Program, x: Vector, shifted: Vector): Vector {
  const n = p.sub(shifted, p.constant(round))
  const r = p.fma(n, p.constant(0.00021219444005469057), p.fma(n, p.constant(-0.693359375), x))
  return p.fma(polynomial(p, expPolynomial, r), p.mul(r, r), r)
}

const power = (p: Program, shifted: Vector): Vector => p.three('addInt', p.shift(shifted, 'left', 23), p.constant(1))

export function exp(p: Program, x: Vector): Vector {
  const clamped = largerOf(p, smallerOf(p, x, p.constant(highest)), p.constant(lowest))
  const shifted = shift(p, clamped)
  const e = p.add(expm1Reduced(p, clamped, shifted), p.constant(1))
  const n = p.three('subInt', shifted, p.constant(round))
  const half = p.shift(n, 'rightSigned', 1)
  const y = p.mul(p.mul(e, power(p, half)), power(p, p.three('subInt', n, half)))
  return p.keep(p.compare(x, 'notLess', p.constant(lowest)), y)
}

export function expFlushed(p: Program, x: Vector): Vector {
  const clamped = largerOf(p, x, p.constant(flushed))
  const shifted = shift(p, clamped)
  const e = p.add(expm1Reduced(p, clamped, shifted), p.constant(1))
  return p.keep(p.compare(x, 'notLess', p.constant(flushed)), p.mul(e, power(p, shifted)))
}

export function expm1(p: Program, x: Vector): Vector {
  const clamped = largerOf(p, smallerOf(p, x, p.constant(20)), p.constant(-20))
  const shifted = shift(p, clamped)
  const scale = power(p, shifted)
  const y = p.fma(expm1Reduced(p, clamped, shifted), scale, p.sub(scale, p.constant(1)))
  const orSame = p.select(p.compare(x, 'equal', p.constant(0)), x, y)
  return p.select(p.compare(x, 'greater', p.constant(20)), exp(p, x), orSame)
}

export function log(p: Program, x: Vector): Vector {
  const tiny = p.compare(x, 'less', p.constant(1.17549435e-38))
  const normal = p.select(tiny, p.mul(x, p.constant(8388608)), x)
  const k = p.shift(p.three('subInt', normal, p.constant(0.7071067690849304)), 'rightSigned', 23)
  const f = p.sub(p.three('subInt', normal, p.shift(k, 'left', 23)), p.constant(1))
  const n = p.sub(p.two('intToFloat', k), p.keep(tiny, p.broadcast(p.constant(23))))
  const square = p.mul(f, f)
  const head = p.mul(n, p.constant(-0.00021219444005469057))
  let y = p.fma(p.mul(polynomial(p, logPolynomial, f), f), square, head)
  y = p.fma(square, p.constant(-0.5), y)
  y = p.fma(n, p.constant(0.693359375), p.add(y, f))
  y = p.select(p.compare(x, 'equal', p.constant(Infinity)), x, y)
  y = p.select(p.compare(x, 'equal', p.constant(0)), p.constant(-Infinity), y)
  const invalid = p.masks('or', p.compare(x, 'less', p.constant(0)), p.compare(x, 'unordered', x))
  return p.select(invalid, p.constant(NaN), y)
}

export function log1p(p: Program, x: Vector): Vector {
  const u = p.add(x, p.constant(1))
  const logarithm = log(p, u)
  const y = p.add(logarithm, p.div(p.sub(x, p.sub(u, p.constant(1))), u))
  const exact = p.masks('or', p.compare(u, 'equal', p.constant(1)), p.compare(x, 'equal', p.constant(Infinity)))
  return p.select(exact, x, p.select(p.compare(u, 'equal', p.constant(0)), logarithm, y))
}

const sizeNegated = (p: Program, x: Vector): Vector => p.three('or', x, p.bits(0x80000000))

export function sigmoid(p: Program, x: Vector): Vector {
  const e = expFlushed(p, sizeNegated(p, x))
  const upper = p.div(p.constant(1), p.add(e, p.constant(1)))
  return p.select(p.compare(x, 'less', p.constant(0)), p.mul(e, upper), upper)
}

const copySign = (p: Program, size: Vector, sign: Vector): Vector =>
  p.three('or', size, p.three('and', sign, p.bits(0x80000000)))

export function tanh(p: Program, x: Vector): Vector {
  const size = absolute(p, x)
  const square = p.mul(x, x)
  const small = p.fma(p.mul(polynomial(p, tanhPolynomial, square), square), x, x)
  const e = expFlushed(p, smallerOf(p, p.add(size, size), p.constant(20)))
  const large = p.sub(p.constant(1), p.div(p.constant(2), p.add(e, p.constant(1))))
  return p.select(p.compare(size, 'less', p.constant(0.55)), small, copySign(p, large, x))
}

export function erf(p: Program, x: Vector): Vector {
  const small = p.fma(polynomial(p, erfSmall, p.mul(x, x)), x, x)
  const size = smallerOf(p, absolute(p, x), p.constant(3.95))
  const large = copySign(p, p.sub(p.constant(1), expFlushed(p, polynomial(p, erfLarge, size))), x)
  return p.select(p.compare(size, 'less', p.constant(0.9)), small, large)
}

export function softplus(p: Program, x: Vector): Vector {
  const rest = log1p(p, expFlushed(p, sizeNegated(p, x)))
  return p.add(largerOf(p, x, p.constant(0)), rest)
}

// Activations of the catalogue and their derivatives.

export const activationNames = ['silu', 'gelu', 'geluTanh', 'relu', 'relu2'] as const
export type ActivationName = (typeof activationNames)[number]

const density = 0.3989422804014327
const cubic = 0.07135481282553285
const linear = 1.5957691216057308

const bell = (p: Program, x: Vector): Vector => expFlushed(p, p.mul(p.mul(x, x), p.constant(-0.5)))

function normalCdf(p: Program, x: Vector, e: Vector): Vector {
  const scale: Constant = p.constant(0.3)
  const u = p.div(p.constant(1), p.fma(absolute(p, x), p.broadcast(scale), p.constant(1)))
  const tail = p.mul(p.mul(polynomial(p, mills, u), u), e)
  return p.select(p.compare(x, 'less', p.constant(0)), tail, p.sub(p.constant(1), tail))
}

function tanhGate(p: Program, x: Vector): Vector {
  return sigmoid(p, p.mul(x, p.fma(p.mul(x, x), p.broadcast(p.constant(cubic)), p.constant(linear))))
}

export function activate(p: Program, name: ActivationName, x: Vector): Vector {
  if (name === 'silu') return p.mul(x, sigmoid(p, x))
  if (name === 'gelu') return p.mul(x, normalCdf(p, x, bell(p, x)))
  if (name === 'geluTanh') return p.mul(x, tanhGate(p, x))
  const positive = largerOf(p, x, p.constant(0))
  return name === 'relu' ? positive : p.mul(positive, positive)
}

/** s + xs·(1 − s). */
const gateGrad = (p: Program, xs: Vector, s: Vector): Vector => p.fma(xs, p.sub(p.constant(1), s), s)

export function activateGrad(p: Program, name: ActivationName, x: Vector): Vector {
  if (name === 'silu') {
    const s = sigmoid(p, x)
    return gateGrad(p, p.mul(x, s), s)
  }
  if (name === 'gelu') {
    const e = bell(p, x)
    const cdf = normalCdf(p, x, e)
    return p.fma(p.mul(x, p.constant(density)), e, cdf)
  }
  if (name === 'geluTanh') {
    const s = tanhGate(p, x)
    const inner = p.fma(p.mul(x, x), p.broadcast(p.constant(0.21406443847659856)), p.constant(linear))
    return gateGrad(p, p.mul(p.mul(x, inner), s), s)
  }
  const slope = name === 'relu' ? p.broadcast(p.constant(1)) : p.add(x, x)
  return p.keep(p.compare(x, 'greater', p.constant(0)), slope)
}

/** The activation and its derivative, which share most of their work. */
export function activateBoth(p: Program, name: ActivationName, x: Vector): { value: Vector; slope: Vector } {
  if (name === 'silu') {
    const s = sigmoid(p, x)
    const value = p.mul(x, s)
    return { value, slope: gateGrad(p, value, s) }
  }
  if (name === 'gelu') {
    const e = bell(p, x)
    const cdf = normalCdf(p, x, e)
    return { value: p.mul(x, cdf), slope: p.fma(p.mul(x, p.constant(density)), e, cdf) }
  }
  return { value: activate(p, name, x), slope: activateGrad(p, name, x) }
}
