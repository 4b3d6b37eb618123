// How far raters agree beyond chance: judges of a panel, graders, people. Krippendorff's alpha takes any number of raters,
// missing ratings and ordered scales; the kappas are there to be compared with published ones.

/** One row a unit (a question), one column a rater; undefined where a rater gave none. */
export type Ratings = readonly (readonly (number | string | undefined)[])[]

export type Level = 'nominal' | 'ordinal' | 'interval'

/** Squared differences between the values of a scale (Krippendorff 2011, "Computing Krippendorff's alpha-reliability"). */
function distances(values: readonly (number | string)[], totals: readonly number[], level: Level): number[][] {
  const sums = totals.map((_, index) => totals.slice(0, index).reduce((sum, total) => sum + total, 0))
  return values.map((a, i) =>
    values.map((b, j) => {
      if (i === j) return 0
      if (level === 'nominal') return 1
      if (level === 'interval') return (Number(a) - Number(b)) ** 2
      // Ratings between the two, the two themselves by half.
      const [low, high] = i < j ? [i, j] : [j, i]
      return (sums[high]! - sums[low]! + (totals[high]! - totals[low]!) / 2) ** 2
    }),
  )
}

/**
 * Krippendorff's alpha: 1 for perfect agreement, 0 for chance, below 0 for less. Units with fewer than two ratings say
 * nothing. NaN where all ratings are the same value, so that chance would agree as well.
 * @param level of the values: names, ranks (ordered as numbers, or as strings sort), or numbers
 */
export function krippendorffAlpha(ratings: Ratings, level: Level = 'nominal'): number {
  const units = ratings.map((unit) => unit.filter((value) => value !== undefined)).filter((unit) => unit.length >= 2)
  const values = [...new Set(units.flat())].toSorted((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
  )
  const place = new Map(values.map((value, index) => [value, index]))
  const coincidences = values.map(() => values.map(() => 0))
  for (const unit of units)
    for (const [i, a] of unit.entries())
      for (const [j, b] of unit.entries())
        if (i !== j) coincidences[place.get(a)!]![place.get(b)!]! += 1 / (unit.length - 1)
  const totals = coincidences.map((row) => row.reduce((sum, count) => sum + count, 0))
  const all = totals.reduce((sum, count) => sum + count, 0)
  const distance = distances(values, totals, level)
  let observed = 0
  let expected = 0
  for (const [i, row] of distance.entries())
    for (const [j, d] of row.entries()) {
      observed += coincidences[i]![j]! * d
      expected += totals[i]! * totals[j]! * d
    }
  return expected === 0 ? NaN : 1 - ((all - 1) * observed) / expected
}

/**
 * Cohen's kappa of two raters.
 * @param weights how much a disagreement counts, for numbers that are ranks: by one place as by ten (`none`), by places
 * (`linear`), by their square (`quadratic`); places are those of the values that occur, in order
 */
export function cohenKappa(
  first: readonly (number | string)[],
  second: readonly (number | string)[],
  weights: 'none' | 'linear' | 'quadratic' = 'none',
): number {
  const values = [...new Set([...first, ...second])].toSorted((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
  )
  const place = new Map(values.map((value, index) => [value, index]))
  const counts = (ratings: readonly (number | string)[]) =>
    values.map((value) => ratings.filter((rating) => rating === value).length)
  const [ofFirst, ofSecond] = [counts(first), counts(second)]
  const weight = (i: number, j: number): number =>
    weights === 'none' ? Number(i !== j) : weights === 'linear' ? Math.abs(i - j) : (i - j) ** 2
  const observed = first.reduce<number>(
    (sum, value, index) => sum + weight(place.get(value)!, place.get(second[index]!)!),
    0,
  )
  let expected = 0
  for (const [i, a] of ofFirst.entries())
    for (const [j, b] of ofSecond.entries()) expected += (a * b * weight(i, j)) / first.length
  return expected === 0 ? NaN : 1 - observed / expected
}

/** Fleiss' kappa: units with equally many ratings each, by names. */
export function fleissKappa(ratings: readonly (readonly (number | string)[])[]): number {
  const raters = ratings[0]!.length
  const values = [...new Set(ratings.flat())]
  const counts = ratings.map((unit) => values.map((value) => unit.filter((rating) => rating === value).length))
  const agreement =
    counts.reduce((sum, row) => sum + row.reduce((all, count) => all + count * (count - 1), 0), 0) /
    (ratings.length * raters * (raters - 1))
  const chance = values.reduce<number>((sum, _, index) => {
    const share = counts.reduce((all, row) => all + row[index]!, 0) / (ratings.length * raters)
    return sum + share * share
  }, 0)
  return chance === 1 ? NaN : (agreement - chance) / (1 - chance)
}
