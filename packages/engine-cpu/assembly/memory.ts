// Filling and copying of raw memory; an item is a 4-byte word (fill) or a byte (copy).
import { floatArgument, intArgument, pointerArgument } from './thread'

/** args: destination, value. Fills float32 words [begin, end). */
export function fillFloat(args: usize, begin: i32, end: i32): void {
  const to = pointerArgument(args, 0)
  fillWords(to, reinterpret<i32>(floatArgument(args, 1)), begin, end)
}

/** args: destination, value. Fills int32 words [begin, end). */
export function fillInt(args: usize, begin: i32, end: i32): void {
  fillWords(pointerArgument(args, 0), intArgument(args, 1), begin, end)
}

/** args: destination, source. Copies bytes [begin, end). */
export function copyBytes(args: usize, begin: i32, end: i32): void {
  memory.copy(pointerArgument(args, 0) + begin, pointerArgument(args, 1) + begin, end - begin)
}

function fillWords(to: usize, word: i32, begin: i32, end: i32): void {
  if (word == 0) {
    memory.fill(to + ((<usize>begin) << 2), 0, (<usize>(end - begin)) << 2)
    return
  }
  const four = i32x4.splat(word)
  let i = begin
  for (; i <= end - 4; i += 4) v128.store(to + ((<usize>i) << 2), four)
  for (; i < end; i++) store<i32>(to + ((<usize>i) << 2), word)
}
