// Shape checks at the edge of the public functions: cheap, and their message says what was expected.
import { MixlabError } from '@mixlab/core'
import type { tf } from './tf.ts'

/** A pattern of sizes: a number must match, a name stands for any size, `...` for any leading axes. */
export type ShapePattern = readonly (number | string)[]

const shown = (shape: ShapePattern): string => `[${shape.join(', ')}]`

/** @throws MixlabError if the tensor's type or shape is not as expected. */
export function expectTensor(
  operation: string,
  name: string,
  tensor: tf.Tensor,
  pattern: ShapePattern,
  dtype: 'float32' | 'int32' = 'float32',
): void {
  const { shape } = tensor
  if (tensor.dtype !== dtype) {
    throw new MixlabError(`${operation}: ${name} has type ${tensor.dtype}, expected ${dtype}; convert it with tf.cast`)
  }
  const leading = pattern[0] === '...'
  const sizes = leading ? pattern.slice(1) : pattern
  const from = shape.length - sizes.length
  const matches =
    (leading ? from >= 0 : from === 0) && sizes.every((size, i) => typeof size === 'string' || size === shape[from + i])
  if (!matches) throw new MixlabError(`${operation}: ${name} has shape ${shown(shape)}, expected ${shown(pattern)}`)
}

/** @throws MixlabError with `message` after the operation's name. */
export function expect(operation: string, condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new MixlabError(`${operation}: ${message()}`)
}

/** Product of all sizes but the last: the rows of a tensor seen as a matrix. */
export function rowCount({ shape }: tf.Tensor): number {
  let rows = 1
  for (let i = 0; i < shape.length - 1; i++) rows *= shape[i]!
  return rows
}
