// Every instruction of the encoder with random operands, and its text as objdump -M intel writes it, from what was asked
// for alone. Names are '<method> <what>'.
import { type Arbitrary, constantFrom, integer, oneof, record } from 'fast-check'
import {
  type Address,
  type Constant,
  type InstructionSet,
  type Operand,
  type Predicate,
  type ThreeOperands,
  type TwoOperands,
} from '../../src/native/instructions.ts'
import { integerInstructions } from './integer-instructions.ts'
import { type Line, simple } from './line.ts'
import { addresses, constants, general, hex, memory, name32, name64, vectorRegister } from './operands.ts'
import { tileInstructions } from './tile-instructions.ts'

/** For AVX2 and AVX-512. Missing: there is none for this set. */
const threeNames: Record<ThreeOperands, { avx2?: string; avx512?: string; scalar?: 4 | 8 }> = {
  add: { avx2: 'vaddps', avx512: 'vaddps' },
  mul: { avx2: 'vmulps', avx512: 'vmulps' },
  sub: { avx2: 'vsubps', avx512: 'vsubps' },
  min: { avx2: 'vminps', avx512: 'vminps' },
  div: { avx2: 'vdivps', avx512: 'vdivps' },
  max: { avx2: 'vmaxps', avx512: 'vmaxps' },
  and: { avx2: 'vpand', avx512: 'vpandd' },
  andNot: { avx2: 'vpandn', avx512: 'vpandnd' },
  or: { avx2: 'vpor', avx512: 'vpord' },
  xor: { avx2: 'vpxor', avx512: 'vpxord' },
  addInt: { avx2: 'vpaddd', avx512: 'vpaddd' },
  subInt: { avx2: 'vpsubd', avx512: 'vpsubd' },
  fma132: { avx2: 'vfmadd132ps', avx512: 'vfmadd132ps' },
  fma213: { avx2: 'vfmadd213ps', avx512: 'vfmadd213ps' },
  fma231: { avx2: 'vfmadd231ps', avx512: 'vfmadd231ps' },
  unpackLow: { avx2: 'vunpcklps', avx512: 'vunpcklps' },
  unpackHigh: { avx2: 'vunpckhps', avx512: 'vunpckhps' },
  unpackLowPairs: { avx2: 'vunpcklpd', avx512: 'vunpcklpd' },
  unpackHighPairs: { avx2: 'vunpckhpd', avx512: 'vunpckhpd' },
  addDoubles: { avx2: 'vaddpd', avx512: 'vaddpd' },
  fma231Doubles: { avx2: 'vfmadd231pd', avx512: 'vfmadd231pd' },
  dotBfloat16: { avx512: 'vdpbf16ps' },
  toBfloat16: { avx512: 'vcvtne2ps2bf16' },
  addDouble: { avx2: 'vaddsd', avx512: 'vaddsd', scalar: 8 },
  mulDouble: { avx2: 'vmulsd', avx512: 'vmulsd', scalar: 8 },
  subDouble: { avx2: 'vsubsd', avx512: 'vsubsd', scalar: 8 },
  divDouble: { avx2: 'vdivsd', avx512: 'vdivsd', scalar: 8 },
  doubleToFloat: { avx2: 'vcvtsd2ss', avx512: 'vcvtsd2ss', scalar: 8 },
  floatToDouble: { avx2: 'vcvtss2sd', avx512: 'vcvtss2sd', scalar: 4 },
}

/** Not repeated from one float: pairs of floats are. */
const pairs = new Set<string>(['unpackLowPairs', 'unpackHighPairs', 'addDoubles', 'fma231Doubles'])

/** What a vector is made of, or makes, where it is half as wide: `from` the operand, `to` the result. */
const twoNames: Record<TwoOperands, { name: string; from?: 'half' | 'float'; to?: 'half'; only?: InstructionSet }> = {
  move: { name: 'vmovaps' },
  load: { name: 'vmovups' },
  broadcast: { name: 'vbroadcastss', from: 'float' },
  sqrt: { name: 'vsqrtps' },
  intToFloat: { name: 'vcvtdq2ps' },
  truncate: { name: 'vcvttps2dq' },
  floatsToDoubles: { name: 'vcvtps2pd', from: 'half' },
  narrowToBfloat16: { name: 'vcvtneps2bf16', to: 'half', only: 'avx512' },
  widen: { name: 'vpmovzxwd', from: 'half' },
}

const comparisons: Record<Predicate, string> = {
  equal: 'eq',
  less: 'lt_oq',
  lessEqual: 'le_oq',
  unordered: 'unord',
  notEqual: 'neq',
  greaterEqual: 'ge_oq',
  greater: 'gt_oq',
  notLess: 'nlt_uq',
}

const isConstant = (operand: Operand): operand is Constant => typeof operand === 'object' && 'bits' in operand

export function instructions(set: InstructionSet): Record<string, Arbitrary<Line>> {
  const wide = set === 'avx512'
  const vector = vectorRegister(set)
  const width = wide ? 64 : 32
  const name = (register: number) => `${wide ? 'zmm' : 'ymm'}${register}`
  const short = (register: number) => `xmm${register}`
  const half = (register: number) => `${wide ? 'ymm' : 'xmm'}${register}`
  const masks = wide ? integer({ min: 1, max: 7 }) : vector
  const maskName = (mask: number) => (wide ? `k${mask}` : name(mask))
  const anyOperand: Arbitrary<Operand> = oneof(vector, addresses, constants(set))
  const place = oneof(vector, addresses)

  /** The text of an operand; with AVX-512 a constant is one float, repeated. */
  const text = (operand: Operand, at: string, bytes = width, register = name): string => {
    if (typeof operand === 'number') return register(operand)
    if (!isConstant(operand)) return memory(operand, bytes)
    return wide && bytes === 64 ? `DWORD PTR [${at}]{1to16}` : `${{ 4: 'DWORD', 32: 'YMMWORD' }[bytes]} PTR [${at}]`
  }
  const reads = (operand: Operand) => (isConstant(operand) ? { constant: operand.bits } : {})

  const three = (kind: ThreeOperands): Arbitrary<Line> => {
    const { scalar, [set]: mnemonic } = threeNames[kind]
    const register = scalar ? short : name
    return record({
      target: vector,
      second: vector,
      operand: scalar || (pairs.has(kind) && wide) ? place : anyOperand,
    }).map(({ target, second, operand }) => ({
      ...reads(operand),
      emit: (a) => a.three(kind, target, second, operand),
      text: (at) =>
        `${mnemonic} ${register(target)},${register(second)},${text(operand, at, scalar ?? width, register)}`,
    }))
  }

  const two = (kind: TwoOperands): Arbitrary<Line> => {
    const { name: mnemonic, from, to } = twoNames[kind]
    // Moves of what is repeated are broadcasts; and what is repeated of half a vector is no float.
    const isPlace = kind === 'move' || kind === 'load' || from === 'half'
    const [bytes, register] = from === 'half' ? [width / 2, half] : from === 'float' ? [4, short] : [width, name]
    const result = to === 'half' ? half : name
    return record({ target: vector, operand: isPlace ? place : anyOperand }).map(({ target, operand }) => ({
      ...reads(operand),
      emit: (a) => a.two(kind, target, operand),
      text: (at) => `${mnemonic} ${result(target)},${text(operand, at, bytes, register)}`,
    }))
  }

  const shaped = (kind: 'shuffle' | 'shuffleQuarters' | 'swapHalves'): Arbitrary<Line> => {
    const mnemonic = { shuffle: 'vshufps', shuffleQuarters: 'vshuff32x4', swapHalves: 'vperm2f128' }[kind]
    const parts = record({ target: vector, second: vector, operand: place, bits: integer({ min: 0, max: 255 }) })
    return parts.map(({ target, second, operand, bits }) => ({
      emit: (a) => a.shaped(kind, target, second, operand, bits),
      text: (at) => `${mnemonic} ${name(target)},${name(second)},${text(operand, at)},${hex(bits)}`,
    }))
  }

  const fourOrEight = constantFrom<4 | 8>(4, 8)
  const scalarMove = (bytes: number) => (bytes === 4 ? 'vmovss' : 'vmovsd')

  return {
    ...Object.fromEntries(
      (Object.keys(threeNames) as ThreeOperands[])
        .filter((kind) => threeNames[kind][set])
        .map((kind) => [`three ${kind}`, three(kind)]),
    ),
    ...Object.fromEntries(
      (Object.keys(twoNames) as TwoOperands[])
        .filter((kind) => (twoNames[kind].only ?? set) === set)
        .map((kind) => [`two ${kind}`, two(kind)]),
    ),
    'shaped shuffle': shaped('shuffle'),
    ...(wide ? { 'shaped shuffleQuarters': shaped('shuffleQuarters') } : { 'shaped swapHalves': shaped('swapHalves') }),
    round: record({ target: vector, operand: anyOperand, mode: constantFrom<0 | 1 | 2 | 3>(0, 1, 2, 3) }).map(
      ({ target, operand, mode }) => ({
        ...reads(operand),
        emit: (a) => a.round(target, operand, mode),
        text: (at) => `${wide ? 'vrndscaleps' : 'vroundps'} ${name(target)},${text(operand, at)},${hex(mode | 8)}`,
      }),
    ),
    shift: simple(
      [
        constantFrom<'left' | 'right' | 'rightSigned'>('left', 'right', 'rightSigned'),
        vector,
        vector,
        integer({ min: 0, max: 31 }),
      ],
      (a, direction, target, source, bits) => a.shift(direction, target, source, bits),
      (direction, target, source, bits) =>
        `${{ left: 'vpslld', right: 'vpsrld', rightSigned: 'vpsrad' }[direction]} ${name(target)},${name(source)},${hex(bits)}`,
    ),
    store: simple(
      [vector, addresses],
      (a, source, target) => a.store(source, target),
      (source, target) => `vmovups ${memory(target, width)},${name(source)}`,
    ),
    loadMasked: simple(
      [vector, addresses, masks],
      (a, target, source, mask) => a.loadMasked(target, source, mask),
      (target, source, mask) =>
        wide
          ? `vmovups ${name(target)}{k${mask}}{z},${memory(source, width)}`
          : `vmaskmovps ${name(target)},${name(mask)},${memory(source, width)}`,
    ),
    storeMasked: simple(
      [vector, addresses, masks],
      (a, source, target, mask) => a.storeMasked(source, target, mask),
      (source, target, mask) =>
        wide
          ? `vmovups ${memory(target, width)}{k${mask}},${name(source)}`
          : `vmaskmovps ${memory(target, width)},${name(mask)},${name(source)}`,
    ),
    compare: record({
      predicate: constantFrom(...(Object.keys(comparisons) as Predicate[])),
      mask: masks,
      x: vector,
      operand: anyOperand,
    }).map(({ predicate, mask, x, operand }) => ({
      ...reads(operand),
      emit: (a) => a.compare(predicate, mask, x, operand),
      text: (at) => `vcmp${comparisons[predicate]}ps ${maskName(mask)},${name(x)},${text(operand, at)}`,
    })),
    select: record({ target: vector, mask: masks, yes: anyOperand, no: vector }).map(({ target, mask, yes, no }) => ({
      ...reads(yes),
      emit: (a) => a.select(target, mask, yes, no),
      text: (at) =>
        wide
          ? `vblendmps ${name(target)}{k${mask}},${name(no)},${text(yes, at)}`
          : `vblendvps ${name(target)},${name(no)},${text(yes, at)},${name(mask)}`,
    })),
    keep: simple(
      [vector, masks, vector],
      (a, target, mask, x) => a.keep(target, mask, x),
      (target, mask, x) =>
        wide ? `vmovaps ${name(target)}{k${mask}}{z},${name(x)}` : `vpand ${name(target)},${name(mask)},${name(x)}`,
    ),
    masks: simple(
      [constantFrom<'and' | 'andNot' | 'or'>('and', 'andNot', 'or'), masks, masks, masks],
      (a, kind, target, x, y) => a.masks(kind, target, x, y),
      (kind, ...of) => {
        const mnemonic = wide
          ? { and: 'kandw', andNot: 'kandnw', or: 'korw' }[kind]
          : { and: 'vpand', andNot: 'vpandn', or: 'vpor' }[kind]
        return `${mnemonic} ${of.map(maskName).join()}`
      },
    ),
    ...(wide && {
      maskFromInt: simple(
        [masks, general],
        (a, mask, source) => a.maskFromInt(mask, source),
        (mask, source) => `kmovw k${mask},${name32(source)}`,
      ),
    }),
    maskToInt: simple(
      [general, masks],
      (a, target, mask) => a.maskToInt(target, mask),
      (target, mask) => `${wide ? 'kmovw' : 'vmovmskps'} ${name32(target)},${maskName(mask)}`,
    ),
    quarter: simple(
      [vector, vector, integer({ min: 0, max: wide ? 3 : 1 })],
      (a, target, source, which) => a.quarter(target, source, which),
      (target, source, which) =>
        `${wide ? 'vextractf32x4' : 'vextractf128'} ${short(target)},${name(source)},${hex(which)}`,
    ),
    'shaped insertQuarter': simple(
      [vector, vector, addresses, integer({ min: 0, max: wide ? 3 : 1 })],
      (a, target, second, source, which) => a.shaped('insertQuarter', target, second, source, which),
      (target, second, source, which) =>
        `${wide ? 'vinsertf32x4' : 'vinsertf128'} ${name(target)},${name(second)},${memory(source, 16)},${hex(which)}`,
    ),
    loadQuarter: simple(
      [vector, addresses],
      (a, target, source) => a.loadQuarter(target, source),
      (target, source) => `vmovups ${short(target)},${memory(source, 16)}`,
    ),
    upperHalf: simple(
      [vector, vector],
      (a, target, source) => a.upperHalf(target, source),
      (target, source) => `${wide ? 'vextractf64x4' : 'vextractf128'} ${half(target)},${name(source)},0x1`,
    ),
    loadScalar: simple(
      [vector, addresses, fourOrEight],
      (a, target, source, bytes) => a.loadScalar(target, source, bytes),
      (target, source, bytes) => `${scalarMove(bytes)} ${short(target)},${memory(source, bytes)}`,
    ),
    storeScalar: simple(
      [vector, addresses, fourOrEight],
      (a, source, target, bytes) => a.storeScalar(source, target, bytes),
      (source, target, bytes) => `${scalarMove(bytes)} ${memory(target, bytes)},${short(source)}`,
    ),
    doubleToInt: simple(
      [general, place],
      (a, target, source) => a.doubleToInt(target, source as number | Address),
      (target, source) => `vcvttsd2si ${name64(target)},${text(source as number | Address, '', 8, short)}`,
    ),
    intToVector: simple(
      [vector, general],
      (a, target, source) => a.intToVector(target, source),
      (target, source) => `vmovd ${short(target)},${name32(source)}`,
    ),
    intToDouble: simple(
      [vector, general],
      (a, target, source) => a.intToDouble(target, source),
      (target, source) => `vcvtsi2sd ${short(target)},${short(target)},${name64(source)}`,
    ),
    ...integerInstructions,
    ...tileInstructions,
  }
}
