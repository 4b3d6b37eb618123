// Numbers, paths and tables for a terminal.
import { relative } from 'node:path'
import { stripVTControlCharacters, styleText } from 'node:util'

/** A number with about four significant digits, thousands grouped. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 ? value.toLocaleString('en') : value.toExponential(3)
  const size = Math.abs(value)
  if (size < 1e-3 || size >= 1e9) return value.toExponential(2)
  if (size >= 1000) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(4)))
}

/** 950, 12.3k, 4.5M. */
export function short(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T']
  let unit = 0
  let rest = value
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(rest) : Number(rest.toPrecision(3))}${units[unit]}`
}

/** 0:07, 3:20, 1:02:03, 3 d 4 h. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  const whole = Math.max(0, Math.round(seconds))
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  if (days > 0) return `${days} d ${hours} h`
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** A path below the current folder without it. */
export const shown = (path: string): string => {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}

/** A word as a shell takes it. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`

/** Any plain value in a few characters. */
export function value(given: unknown): string {
  if (typeof given === 'number') return number(given)
  if (typeof given === 'string') return given
  return JSON.stringify(given) ?? ''
}

const width = (text: string): number => Array.from(stripVTControlCharacters(text)).length

/** A table with a heading; columns whose cells are numbers are set to the right. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))))
  const numeric = heading.map(
    (_, column) =>
      rows.length > 0 &&
      rows.every((row) => /^[−\d.,:?±eE+\- kMGT%]*$/.test(stripVTControlCharacters(row[column] ?? ''))),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)))
        return numeric[column] === true ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  return [styleText('bold', line(heading)), ...rows.map(line)].join('\n')
}
