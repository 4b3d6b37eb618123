// Named tensors to safetensors files and back. Values leave the device one tensor at a time, when their turn to be
// written comes, and come back one at a time: a file is read once, in its order, so that it can be verified on the way.
import { type LazyTensor, openSafetensors, streamSafetensors } from '@mixlab/checkpoints'
import { tf } from '@mixlab/tensor'
import type { FileSource } from './checkpoint.ts'
import { assignOne, lacking } from './optimizers.ts'

/** The file that holds these tensors, in pieces. */
export const tensorFile = (tensors: ReadonlyMap<string, tf.Tensor>): AsyncIterable<Uint8Array> =>
  streamSafetensors(
    new Map(
      [...tensors].map(([name, tensor]): [string, LazyTensor] => [
        name,
        {
          dtype: tensor.dtype === 'int32' ? 'I32' : 'F32',
          shape: tensor.shape,
          data: () => tensor.data<'float32' | 'int32'>(),
        },
      ]),
    ),
    { format: 'pt' },
  )

/** Calls `take` for each tensor of a file, in its order; `make` makes the tensor. */
function eachTensor(
  path: string,
  seen: ((bytes: Uint8Array) => void) | undefined,
  take: (name: string, make: () => tf.Tensor) => void,
): void {
  using file = openSafetensors(path, seen)
  for (const name of file.inFileOrder()) {
    const { shape, values } = file.tensor(name)
    const dtype = values instanceof Int32Array ? 'int32' : 'float32'
    take(name, () => tf.tensor(values, [...shape], dtype))
  }
}

/** Gives the tensors of a file (by path, or of a checkpoint, then verified) to `use` and disposes them after it. */
export function withTensors(file: string | FileSource, use: (tensors: ReadonlyMap<string, tf.Tensor>) => void): void {
  const source: FileSource = typeof file === 'string' ? { read: (reader) => reader(file, () => {}) } : file
  tf.tidy(() => {
    const tensors = new Map<string, tf.Tensor>()
    source.read((path, seen) => eachTensor(path, seen, (name, make) => tensors.set(name, make())))
    use(tensors)
  })
}

/**
 * Overwrites named variables with the tensors of a file, without a second copy of them. Where it throws, some have been
 * overwritten: it is for variables that are then thrown away.
 * @throws MixlabError if the file is not as it was saved, or lacks one of them or has it in another shape.
 */
export function readInto(target: ReadonlyMap<string, tf.Variable>, source: FileSource, label: string): void {
  const missing = new Set(target.keys())
  source.read((path, seen) =>
    eachTensor(path, seen, (name, make) => {
      const variable = target.get(name)
      if (!variable) return
      // The tensor's memory becomes the variable's own.
      tf.tidy(() => assignOne(variable, make(), name, label))
      missing.delete(name)
    }),
  )
  for (const name of missing) throw lacking(name, label)
}
