// How values travel. JSON has no NaN and no infinities: protobuf's mapping writes them as strings, and so does this. A SQL
// store keeps an infinity as the largest double and cannot tell them apart any more, so ±1.7976931348623157e308 is read as
// ±Infinity here (the Python client shows the number). 64-bit integers come as numbers or strings and leave as numbers.

export type Tags = Readonly<Record<string, string>>

export interface KeyValue {
  readonly key: string
  readonly value?: string
}

export type WireNumber = number | string

export const toWireNumber = (value: number): WireNumber => (Number.isFinite(value) ? value : String(value))

export const fromWireNumber = (value: WireNumber | undefined): number => {
  const number = Number(value ?? 0)
  return Math.abs(number) === Number.MAX_VALUE ? Math.sign(number) * Infinity : number
}

/** An optional 64-bit integer; servers write an unset time as 0 or leave it out. */
export const fromWireInteger = (value: WireNumber | undefined): number | undefined =>
  value === undefined ? undefined : Number(value)

export const toPairs = (tags: Tags | undefined): KeyValue[] | undefined =>
  tags && Object.entries(tags).map(([key, value]) => ({ key, value }))

export const fromPairs = (pairs: readonly KeyValue[] | undefined): Record<string, string> =>
  Object.fromEntries((pairs ?? []).map(({ key, value }) => [key, value ?? '']))
