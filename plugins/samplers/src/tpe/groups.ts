// Which parameters are drawn together. Under conditions not every trial has every parameter; those that always come together
// are one group with a joint density (Optuna's group-decomposed search space).

/**
 * @param columns of finished trials, NaN where a trial lacks the parameter
 * @returns the indices of the parameters of each group; of a parameter that no trial had there is none
 */
export function groupsOf(columns: readonly Float64Array[]): number[][] {
  const together = (a: Float64Array, b: Float64Array) =>
    a.every((value, t) => Number.isNaN(value) === Number.isNaN(b[t]!))
  const groups: number[][] = []
  columns.forEach((column, p) => {
    if (column.every(Number.isNaN)) return
    const group = groups.find(([first]) => together(columns[first!]!, column))
    if (group === undefined) groups.push([p])
    else group.push(p)
  })
  return groups
}

/** One group: the parameters that every finished trial had. */
export function intersectionOf(columns: readonly Float64Array[]): number[][] {
  const group = columns.flatMap((column, p) => (column.some(Number.isNaN) ? [] : [p]))
  return group.length === 0 ? [] : [group]
}
