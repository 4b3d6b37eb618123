// Numbers as a reader wants them: three or four significant figures, thin spaces in thousands, the interval's precision
// decided by its width.
import type { Estimate } from '@mixlab/statistics'

/** U+202F: keeps a number and its unit, or its groups of digits, together. */
const NARROW = '\u202f'
/** U+2212: as wide as a digit, unlike the hyphen. */
const MINUS = '\u2212'

const clean = (text: string): string => text.replace('-', MINUS)

/** With `digits` decimals. */
export const fixed = (value: number, digits: number): string =>
  Number.isFinite(value) ? clean(value.toFixed(digits)) : String(value).replace('Infinity', '∞')

/** Four significant figures, or powers of ten where those would be long. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return fixed(value, 0)
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (Number.isInteger(value) && size < 1e6) return whole(value)
  if (size >= 1e4 && size < 1e6) return whole(value)
  if (size >= 1e6 || size < 1e-4) return clean(value.toExponential(2).replace('e+', 'e'))
  return clean(
    value
      .toPrecision(4)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, ''),
  )
}

/** A count, grouped by thousands: 1 234 567. */
export const whole = (value: number): string =>
  clean(
    Math.round(value)
      .toString()
      .replaceAll(/\B(?=(\d{3})+$)/g, NARROW),
  )

/** A count in short: 3.21 M. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  const power = value === 0 ? 0 : Math.max(0, Math.min(5, Math.floor(Math.log10(Math.abs(value)) / 3)))
  const scaled = value / 1000 ** power
  const text = power === 0 && Number.isInteger(value) ? String(value) : Number(scaled.toPrecision(3)).toString()
  return clean(text) + (power > 0 ? NARROW + units[power]! : '')
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = value <= 0 ? 0 : Math.min(4, Math.floor(Math.log2(value) / 10))
  return `${Number((value / 1024 ** power).toPrecision(3))}${NARROW}${units[power]!}`
}

export const percent = (value: number, digits = 1): string => `${fixed(100 * value, digits)}${NARROW}%`

/** Milliseconds as 41 s, 2 min 5 s, 3 h 12 min. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 10) return `${fixed(seconds, 1)}${NARROW}s`
  const total = Math.round(seconds)
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60]
  if (h > 0) return `${h}${NARROW}h ${m}${NARROW}min`
  return m > 0 ? `${m}${NARROW}min ${s}${NARROW}s` : `${s}${NARROW}s`
}

/** Decimals such that the interval has two significant figures, between `least` and 6. */
export function decimalsFor(halfWidth: number, least: number): number {
  if (!Number.isFinite(halfWidth) || halfWidth <= 0) return least
  return Math.max(0, Math.min(6, Math.max(least, 1 - Math.floor(Math.log10(halfWidth)))))
}

/** mean ± half width of the 95 % interval; the mean alone where the noise is unknown. */
export function interval({ mean, halfWidth }: Estimate, digits: number): string {
  return Number.isFinite(halfWidth)
    ? `${fixed(mean, digits)} ±${NARROW}${fixed(halfWidth, digits)}`
    : fixed(mean, digits)
}

/** A date and time in UTC, to the minute. */
export function date(iso: string): string {
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? iso : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
const split = (text: string): string[] => Array.from(segmenter.segment(text), ({ segment }) => segment)

/** How many characters a reader sees in the longest of the texts; at least 1. */
export const longest = (texts: readonly string[]): number => Math.max(1, ...texts.map((text) => split(text).length))

/** At most `length` characters: the middle of a long name is cut, since both ends tell names apart. */
export function ellipsis(text: string, length: number): string {
  if (text.length <= length) return text
  const characters = split(text)
  if (characters.length <= length) return text
  const head = Math.ceil((length - 1) / 2)
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (length - 1 - head)).join('')}`
}
