// Cosines and sines for the rotary embedding, computed in float64 on the host, and the ways in which models stretch their
// frequencies to longer contexts, with the formulas of Hugging Face's modeling_rope_utils.
import { expect, expectTensor } from '../check.ts'
import { tf } from '../tf.ts'
import type { RotaryTables } from './rotary.ts'

export interface ScaledFrequencies {
  readonly inverseFrequencies: Float64Array
  /** Multiplies cosines and sines. Default 1. */
  readonly attentionFactor?: number
}

/** Changes the inverse frequencies base^(−2i/dim), i = 0 … dim/2 − 1. */
export type RotaryScaling = (
  inverseFrequencies: Float64Array,
  table: { readonly dim: number; readonly base: number },
) => ScaledFrequencies

export interface RotaryTablesOptions {
  /** R: how many elements of a head rotate; even. */
  readonly dim: number
  /** θ. Default 10,000. */
  readonly base?: number
  /** How many positions from `start`, or the positions themselves (read back to the host). */
  readonly positions: number | tf.Tensor1D
  /** First position, where `positions` is a number. Default 0. */
  readonly start?: number
  readonly scaling?: RotaryScaling | undefined
}

interface Values {
  readonly cos: Float32Array
  readonly sin: Float32Array
}

const unscaled: RotaryScaling = (inverseFrequencies) => ({ inverseFrequencies })

// Tables from position 0, as every training step asks for; a few shapes at most are in use at a time.
const cache = new WeakMap<RotaryScaling, Map<string, Values>>()
const cachedTables = 16

/** Tables for `rotary`: cos and sin of position · inverse frequency, [T, R/2]. They are the caller's to dispose of. */
export function rotaryTables({
  dim,
  base = 10_000,
  positions,
  start = 0,
  scaling = unscaled,
}: RotaryTablesOptions): RotaryTables {
  expect(
    'rotaryTables',
    Number.isInteger(dim) && dim > 0 && dim % 2 === 0,
    () => `dim is ${dim}, expected a positive even number`,
  )
  expect('rotaryTables', base > 1, () => `base is ${base}, expected more than 1`)
  if (typeof positions !== 'number') expectTensor('rotaryTables', 'positions', positions, ['T'], 'int32')
  const { cos, sin } = valuesFor({ dim, base, positions, start, scaling })
  const shape: [number, number] = [cos.length / (dim / 2), dim / 2]
  // Copies: a tensor may keep the array that it is made from as its memory.
  // Both or none, should there be no memory for the second.
  return tf.tidy(() => ({ cos: tf.tensor2d(cos.slice(), shape), sin: tf.tensor2d(sin.slice(), shape) }))
}

function valuesFor({
  dim,
  base,
  positions,
  start,
  scaling,
}: Required<RotaryTablesOptions> & { scaling: RotaryScaling }): Values {
  if (typeof positions !== 'number') return computeTables(dim, base, [...positions.dataSync<'int32'>()], scaling)
  const range = () => Array.from({ length: positions }, (_, t) => start + t)
  if (start !== 0) return computeTables(dim, base, range(), scaling)
  let tables = cache.get(scaling)
  if (!tables) cache.set(scaling, (tables = new Map()))
  const key = `${dim}/${base}/${positions}`
  let values = tables.get(key)
  if (!values) {
    values = computeTables(dim, base, range(), scaling)
    if (tables.size >= cachedTables) tables.delete(tables.keys().next().value!)
    tables.set(key, values)
  }
  return values
}

function computeTables(dim: number, base: number, positions: readonly number[], scaling: RotaryScaling): Values {
  const plain = Float64Array.from({ length: dim / 2 }, (_, i) => base ** ((-2 * i) / dim))
  const { inverseFrequencies, attentionFactor = 1 } = scaling(plain, { dim, base })
  const cos = new Float32Array((positions.length * dim) / 2)
  const sin = new Float32Array(cos.length)
  let at = 0
  for (const position of positions) {
    for (const frequency of inverseFrequencies) {
      cos[at] = Math.cos(position * frequency) * attentionFactor
      sin[at++] = Math.sin(position * frequency) * attentionFactor
    }
  }
  return { cos, sin }
}

/** Position interpolation (Chen et al. 2023): all frequencies divided by `factor`. */
export function linearScaling(factor: number): RotaryScaling {
  return (inverseFrequencies) => ({ inverseFrequencies: inverseFrequencies.map((frequency) => frequency / factor) })
}

export interface Llama3Scaling {
  readonly factor: number
  /** Wavelengths above originalLength / lowFrequencyFactor are stretched by `factor`. */
  readonly lowFrequencyFactor: number
  /** Wavelengths below originalLength / highFrequencyFactor stay; between the two they are interpolated. */
  readonly highFrequencyFactor: number
  /** The context length of pre-training. */
  readonly originalLength: number
}

/** Llama 3.1's scaling. */
export function llama3Scaling({
  factor,
  lowFrequencyFactor,
  highFrequencyFactor,
  originalLength,
}: Llama3Scaling): RotaryScaling {
  return (inverseFrequencies) => ({
    inverseFrequencies: inverseFrequencies.map((frequency) => {
      const turns = (originalLength * frequency) / (2 * Math.PI)
      const smooth = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
      const kept = Math.min(1, Math.max(0, smooth))
      return frequency * (kept + (1 - kept) / factor)
    }),
  })
}

export interface YarnScaling {
  readonly factor: number
  /** The context length of pre-training. */
  readonly originalLength: number
  /** Frequencies that turn more often than this in the original context stay. Default 32. */
  readonly betaFast?: number
  /** Frequencies that turn less often than this are divided by `factor`. Default 1. */
  readonly betaSlow?: number
  /** Default 0.1 ln(factor) + 1, or what `mscale` and `mscaleAllDim` give. */
  readonly attentionFactor?: number | undefined
  readonly mscale?: number | undefined
  readonly mscaleAllDim?: number | undefined
  /** Round the bounds of the ramp outwards to whole indices. Default true. */
  readonly truncate?: boolean
}

/** YaRN (Peng et al. 2023, section 3.2 and 3.4). */
export function yarnScaling(options: YarnScaling): RotaryScaling {
  const { factor, originalLength, betaFast = 32, betaSlow = 1, mscale, mscaleAllDim, truncate = true } = options
  const magnitude = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1)
  const attentionFactor =
    options.attentionFactor ?? (mscale && mscaleAllDim ? magnitude(mscale) / magnitude(mscaleAllDim) : magnitude(1))
  return (inverseFrequencies, { dim, base }) => {
    // The index at which a frequency turns that often within the original context.
    const indexAt = (turns: number) => (dim * Math.log(originalLength / (turns * 2 * Math.PI))) / (2 * Math.log(base))
    const [from, to] = [indexAt(betaFast), indexAt(betaSlow)]
    const low = Math.max(truncate ? Math.floor(from) : from, 0)
    const high = Math.min(truncate ? Math.ceil(to) : to, dim - 1)
    const width = high === low ? 0.001 : high - low
    return {
      attentionFactor,
      inverseFrequencies: inverseFrequencies.map((frequency, i) => {
        const stretched = Math.min(1, Math.max(0, (i - low) / width))
        return frequency * (1 - stretched + stretched / factor)
      }),
    }
  }
}
