// Where parameters start. An initializer fills an array on the host from the parameter's own random stream, so that a
// model's initial values are the same on every engine. Weights are [out, in] or [members, out, in]: fan-in is the last axis.
import type { RandomStream } from '@mixlab/core'

export type Initializer = (shape: readonly number[], rng: RandomStream) => Float32Array

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

export const constant =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value)

export const zeros: Initializer = constant(0)
export const ones: Initializer = constant(1)

/** Mean 0, standard deviation `deviation`. */
export const normal =
  (deviation: number): Initializer =>
  (shape, rng) =>
    rng.normals(sizeOf(shape)).map((value) => value * deviation)

/** Uniform in [low, high). */
export const uniform =
  (low: number, high: number): Initializer =>
  (shape, rng) =>
    Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * rng.uniform())

/** Uniform in ±sqrt(3 · gain² / fan-in) (He et al. 2015, eq. 10); gain √2 suits ReLU, 1/√3 is PyTorch's default for linear layers. */
export const kaimingUniform =
  (gain = Math.SQRT2): Initializer =>
  (shape, rng) => {
    const bound = gain * Math.sqrt(3 / (shape.at(-1) ?? 1))
    return uniform(-bound, bound)(shape, rng)
  }

/** Uniform in ±gain · sqrt(6 / (fan-in + fan-out)) (Glorot & Bengio 2010, eq. 16). */
export const xavierUniform =
  (gain = 1): Initializer =>
  (shape, rng) => {
    const bound = gain * Math.sqrt(6 / ((shape.at(-1) ?? 1) + (shape.at(-2) ?? 1)))
    return uniform(-bound, bound)(shape, rng)
  }
