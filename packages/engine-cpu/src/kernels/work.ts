// How much one chunk of a parallel kernel holds, so that a chunk is worth the fraction of a microsecond that handing
// it to a thread costs. Results never depend on these numbers.

/** Elements in an item of the elementwise kernels: BLOCK of assembly/lanes.ts. */
export const block = 2048

export function blocks(elements: number): number {
  return Math.ceil(elements / block)
}

/** Blocks in a chunk: of operations bound by memory, and of those that compute exponentials and the like. */
export const lightGrain = 4
export const heavyGrain = 1

/** Rows in a chunk where an item is a row of `width` elements. */
export function rowGrain(width: number, elements = 4096): number {
  return Math.max(1, Math.floor(elements / Math.max(1, width)))
}
