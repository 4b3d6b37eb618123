import { describe, expect, it } from 'vitest'
import { strong } from '../src/figures/heat-map.ts'
import { dark, light } from '../src/theme.ts'

const linear = (hex: string): number[] =>
  [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))

const multiply = (matrix: readonly number[][], v: readonly number[]): number[] =>
  matrix.map((row) => row.reduce((sum, m, i) => sum + m * v[i]!, 0))

/** Machado, Oliveira and Fernandes (2009), severity 1. */
const vision: Record<string, number[][]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

function lab(rgb: readonly number[]): number[] {
  const xyz = multiply(
    [
      [0.4124564, 0.3575761, 0.1804375],
      [0.2126729, 0.7151522, 0.072175],
      [0.0193339, 0.119192, 0.9503041],
    ],
    rgb.map((c) => Math.min(1, Math.max(0, c))),
  )
  const [x, y, z] = xyz.map((c, i) => {
    const t = c / [0.95047, 1, 1.08883][i]!
    return t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 / 116) * t + 16 / 116
  })
  return [116 * y! - 16, 500 * (x! - y!), 200 * (y! - z!)]
}

const luminance = (hex: string): number => multiply([[0.2126, 0.7152, 0.0722]], linear(hex))[0]!
const contrast = (a: string, b: string): number => {
  const [high, low] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return (high! + 0.05) / (low! + 0.05)
}

describe.each([
  ['light', light],
  ['dark', dark],
] as const)('%s theme', (_name, theme) => {
  it.each(Object.entries(vision))(
    'keeps the arm colours apart in %s vision (ΔE76 ≥ 12; 18 among the first six)',
    (_kind, matrix) => {
      const seen = theme.arms.map((hex) => lab(multiply(matrix, linear(hex))))
      const gaps = seen.flatMap((a, i) =>
        seen.slice(i + 1).map((b, j) => ({
          pair: `${theme.arms[i]!} ${theme.arms[i + 1 + j]!}`,
          early: i + 1 + j < 6,
          gap: Math.hypot(...a.map((value, axis) => value - b[axis]!)),
        })),
      )
      expect(gaps.filter(({ gap, early }) => gap < (early ? 18 : 12))).toEqual([])
    },
  )

  it('draws lines at a contrast of at least 3 and text at 4.5 (WCAG 1.4.11, 1.4.3)', () => {
    for (const colour of theme.arms) expect(contrast(colour, theme.page), colour).toBeGreaterThanOrEqual(3)
    for (const colour of [theme.ink, theme.soft, theme.faint, theme.accent, theme.bad]) {
      expect(contrast(colour, theme.page), colour).toBeGreaterThanOrEqual(4.5)
    }
  })

  it('writes into every cell of a heat map at a contrast of at least 3', () => {
    for (const kind of ['diverging', 'sequential'] as const) {
      for (const [level, colour] of theme[kind].entries()) {
        const ink = strong({ kind }, level) ? theme.cellInkStrong : theme.cellInk
        expect(contrast(ink, colour), `${kind} ${level}`).toBeGreaterThanOrEqual(3)
      }
    }
  })

  it('has scales whose lightness is monotonic away from the middle, or from nothing', () => {
    const lightness = (hex: string): number => lab(linear(hex))[0]!
    const direction = Math.sign(lightness(theme.ink) - lightness(theme.page))
    const rises = (colours: readonly string[]): boolean =>
      colours.every((c, i) => i === 0 || direction * (lightness(c) - lightness(colours[i - 1]!)) > 0)
    const middle = theme.diverging.length >> 1
    expect(rises(theme.sequential)).toBe(true)
    expect(rises(theme.diverging.slice(middle))).toBe(true)
    expect(rises(theme.diverging.slice(0, middle + 1).toReversed())).toBe(true)
  })
})
