// Objectives, points and lists in words.
import type { Estimate } from '@mixlab/statistics'
import { fixed, number, whole } from '../format.ts'
import { type ParameterAxis, showValue } from './axis.ts'
import { type Point, settings } from './view.ts'

/** Such that the interval has two significant figures. */
const decimals = (halfWidth: number): number => Math.max(0, Math.min(9, 1 - Math.floor(Math.log10(halfWidth))))

const known = ({ halfWidth }: Pick<Estimate, 'halfWidth'>): boolean => Number.isFinite(halfWidth) && halfWidth > 0

/** Thousands are grouped where there are no decimals. */
const rounded = (value: number, digits: number): string => (digits === 0 ? whole(value) : fixed(value, digits))

/** The mean: to the interval's precision, or with five significant figures where there is none. */
export function meanText(value: Pick<Estimate, 'mean' | 'halfWidth'>): string {
  if (known(value)) return rounded(value.mean, decimals(value.halfWidth))
  const size = Math.abs(value.mean)
  return size >= 1e-3 && size < 1e4 && !Number.isInteger(value.mean)
    ? fixed(Number(value.mean.toPrecision(5)), Math.max(0, 4 - Math.floor(Math.log10(size))))
    : number(value.mean)
}

/** Half the interval; nothing where it is not known. */
export const spreadText = (value: Pick<Estimate, 'halfWidth'>): string | undefined =>
  known(value) ? rounded(value.halfWidth, decimals(value.halfWidth)) : undefined

export function estimateText(value: Estimate): string {
  const spread = spreadText(value)
  return spread === undefined ? meanText(value) : `${meanText(value)} ± ${spread}`
}

export const signedText = (value: Pick<Estimate, 'mean' | 'halfWidth'>): string =>
  (value.mean > 0 ? '+' : '') + meanText(value)

/** `router=top-k, k=2`. */
export function pointText(point: Point, axes: readonly ParameterAxis[], most = 7): string {
  const all = settings(point, axes).map(([axis, value]) => `${axis.short}=${showValue(value)}`)
  return all.length > most + 1 ? `${all.slice(0, most).join(', ')} and ${all.length - most} more` : all.join(', ')
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** a, b and c; beyond `most`, how many more. */
export function list(names: readonly string[], most = 6): string {
  const shown = names.length > most ? [...names.slice(0, most), `${names.length - most} more`] : names
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)!}`
}
