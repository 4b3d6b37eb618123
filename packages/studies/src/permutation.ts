// The order of n items as n − 1 integers (Lehmer's code): the first says which of the n items comes first, the next which of
// the n − 1 that are left, and so on. Every combination of the integers is an order, and every order one combination.

/** @param code integers from 0; the i-th is below the number of items that are left */
export function orderOf<T>(items: readonly T[], code: readonly number[]): T[] {
  const left = [...items]
  return [...code.map((index) => left.splice(index, 1)[0]!), ...left]
}

/** The code of an order of 0 … n − 1. */
export function codeOf(order: readonly number[]): number[] {
  const left = order.toSorted((a, b) => a - b)
  return order.slice(0, -1).map((item) => {
    const index = left.indexOf(item)
    left.splice(index, 1)
    return index
  })
}
