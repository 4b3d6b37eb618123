// Which slots are a stack's own, for members without weights: products of ones keep the offsets on the device.
//
// Axes: N slots, D width, E members.
import { groupedMatMul, tf } from '@mixlab/tensor'

/** Each slot's row of its member's vector: v_ED[e] in member e's slots, 0 in slots that are not the stack's. [N, D] */
export const vectorOfMember = (slots: number, v_ED: tf.Tensor2D, offsets: tf.Tensor1D): tf.Tensor2D =>
  groupedMatMul(tf.ones([slots, 1]), tf.reshape(v_ED, [...v_ED.shape, 1]), offsets)

/** 1 in the stack's slots, 0 in the others. [N, 1] */
export const ownSlots = (slots: number, offsets: tf.Tensor1D): tf.Tensor2D =>
  vectorOfMember(slots, tf.ones([offsets.size - 1, 1]), offsets)
