// Steps in decimal arithmetic: (1 - 0) / 0.1 is 10 steps to a person, and to Optuna, which counts them with decimal.Decimal.

/** A number's shortest decimal as digits × 10^-places. */
function decimal(value: number): { readonly digits: bigint; readonly places: number } {
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?]
  return { digits: BigInt(whole + fraction), places: fraction.length - Number(exponent) }
}

/** The last of low, low + step, … that is not above high. */
export function lastStep(low: number, high: number, step: number): number {
  const numbers = [low, high, step].map(decimal)
  const places = Math.max(0, ...numbers.map((number) => number.places))
  const [from, to, by] = numbers.map((number) => number.digits * 10n ** BigInt(places - number.places)) as [
    bigint,
    bigint,
    bigint,
  ]
  return Number(`${from + ((to - from) / by) * by}e-${places}`)
}
