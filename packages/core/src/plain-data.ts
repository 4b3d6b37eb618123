// Plain data as JSON and back. JSON has no NaN and no infinities, yet a diverged run's loss is one: they are written as
// { "$number": "NaN" }, so that what was not a number is not mistaken for what was absent.

const mark = '$number'

const encode = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? { [mark]: String(value) } : value

const decode = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && mark in value ? Number(value[mark]) : value

/** JSON of plain data; with `indent`, for people. */
export const toJson = (value: unknown, indent?: number): string => JSON.stringify(value, encode, indent)

/** @throws SyntaxError on text that is not JSON. */
export const fromJson = (text: string): unknown =>
  JSON.parse(text, text.includes(`"${mark}"`) ? decode : undefined) as unknown
