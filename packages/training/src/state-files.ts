// Named tensors to safetensors files and back. Values leave the device one tensor at a time, when their turn to be
// written comes.
import { type LazyTensor, openSafetensors, streamSafetensors } from '@mixlab/checkpoints'
import { tf } from '@mixlab/tensor'

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

/** Gives the tensors of a file to `use` and disposes them after it. */
export function withTensors(path: string, use: (tensors: ReadonlyMap<string, tf.Tensor>) => void): void {
  using file = openSafetensors(path)
  tf.tidy(() => {
    const tensors = new Map<string, tf.Tensor>()
    for (const name of file.tensors.keys()) {
      const { shape, values } = file.tensor(name)
      const dtype = values instanceof Int32Array ? 'int32' : 'float32'
      tensors.set(name, tf.tensor(values, [...shape], dtype))
    }
    use(tensors)
  })
}
