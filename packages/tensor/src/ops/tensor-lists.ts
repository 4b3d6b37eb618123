// Kernels over lists of tensors: TensorFlow.js passes inputs by name, so that a list travels as p0, p1, …
import { expect } from '../check.ts'
import type { tf } from '../tf.ts'

export type NamedTensors = Record<string, tf.Tensor | undefined>

/** { p: [a, b] } → { p0: a, p1: b }. */
export function named(lists: Readonly<Record<string, readonly tf.Tensor[]>>): NamedTensors {
  const inputs: NamedTensors = {}
  for (const [letter, tensors] of Object.entries(lists)) {
    for (let i = 0; i < tensors.length; i++) inputs[letter + i] = tensors[i]!
  }
  return inputs
}

/** The inverse of `named` for one letter. */
export const listed = (inputs: NamedTensors, letter: string, count: number): tf.Tensor[] =>
  Array.from({ length: count }, (_, i) => inputs[letter + i]!)

/** @throws MixlabError unless every list has a tensor of the same size for each of the first list. */
export function expectAligned(operation: string, lists: Readonly<Record<string, readonly tf.Tensor[]>>): void {
  const [[firstName, first], ...others] = Object.entries(lists) as [
    [string, readonly tf.Tensor[]],
    ...[string, readonly tf.Tensor[]][],
  ]
  for (const [name, tensors] of others) {
    expect(
      operation,
      tensors.length === first.length,
      () => `${tensors.length} ${name} for ${first.length} ${firstName}`,
    )
    for (let i = 0; i < first.length; i++) {
      const [a, b] = [first[i]!, tensors[i]!]
      expect(
        operation,
        a.size === b.size,
        () => `${name}[${i}] has shape [${b.shape.join(', ')}], ${firstName}[${i}] [${a.shape.join(', ')}]`,
      )
    }
  }
}

/** One number for all, or one for each. */
export function perTensor(operation: string, name: string, value: number | readonly number[], count: number): number[] {
  if (typeof value === 'number') return Array.from({ length: count }, () => value)
  expect(operation, value.length === count, () => `${value.length} values of ${name} for ${count} parameters`)
  return [...value]
}
