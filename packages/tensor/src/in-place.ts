// Access to a tensor's elements where they lie. In-place operations change the buffer behind the tensor's dataId: every
// tensor that shares it (a clone, a reshape, the typed array that it was made from) changes too.
import { MixlabError } from '@mixlab/core'
import { tf } from './tf.ts'

type Elements = Float32Array | Int32Array

/** A backend whose memory the host can write to; the view holds the tensor's own elements. */
interface ViewableBackend {
  view(tensor: tf.TensorInfo): Elements
}

/** @throws MixlabError on a backend whose memory the host cannot reach. */
export function elementsInPlace(tensor: tf.Tensor): Elements {
  const backend = tf.backend() as tf.KernelBackend & Partial<ViewableBackend>
  if (backend.view) return backend.view(tensor)
  // TensorFlow.js's JavaScript backend returns the array that it stores.
  if (tf.getBackend() === 'cpu') return backend.readSync(tensor.dataId) as Elements
  throw new MixlabError(`Backend ${tf.getBackend()} has no kernel for this in-place operation; use another engine`)
}

/** Overwrites the tensor's elements. */
export function writeInPlace(tensor: tf.Tensor, values: ArrayLike<number>): void {
  elementsInPlace(tensor).set(values)
}
