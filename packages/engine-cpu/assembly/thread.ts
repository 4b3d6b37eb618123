// What each instance of the module knows about itself. Every thread has its own instance over the one shared memory,
// so a mutable global is private to its thread.

/** Index of this thread, 0 for the main one: kernels that need a private work area take `base + threadIndex * stride`. */
export let threadIndex: i32 = 0

export function setThreadIndex(index: i32): void {
  threadIndex = index
}

/** First address after the module's constants. */
export function heapBase(): usize {
  return __heap_base
}

/** Argument i of a kernel as a pointer or unsigned size. */
@inline export function pointerArgument(args: usize, i: i32): usize {
  return <usize>load<f64>(args + (i << 3))
}

/** Argument i of a kernel as an integer. */
@inline export function intArgument(args: usize, i: i32): i32 {
  return <i32>load<f64>(args + (i << 3))
}

/** Argument i of a kernel as a float. */
@inline export function floatArgument(args: usize, i: i32): f32 {
  return <f32>load<f64>(args + (i << 3))
}
