// A smooth surface through scattered points: local linear regression with a Gaussian kernel (Cleveland 1979). The points
// differ in all the other parameters as well, so the surface must average, not interpolate; how much is chosen by
// leave-one-out error. Planes are reproduced, also at the border.

export interface Located {
  /** Both in [0, 1]. */
  readonly x: number
  readonly y: number
  readonly z: number
}

export interface Surface {
  /** `values[row × columns + column]`, row 0 at y = 0. */
  readonly values: Float64Array
  /** 1 where a point is within `REACH`; elsewhere the value means nothing. */
  readonly near: Uint8Array
  readonly columns: number
  readonly rows: number
  /** The kernel's standard deviation, in shares of the axes. */
  readonly bandwidth: number
}

const BANDWIDTHS = [0.06, 0.09, 0.13, 0.18, 0.25, 0.35, 0.5]
const FEWEST = 8
/** Farther than this from all points, in shares of the axes, nothing is known. */
export const REACH = 0.18
/** Points on which the bandwidths are tried. */
const TRIED = 150

/** Cells lie at the middles of a columns × rows grid. @returns undefined for fewer than eight points */
export function fitSurface(points: readonly Located[], columns: number, rows: number): Surface | undefined {
  if (points.length < FEWEST) return undefined
  const errors = BANDWIDTHS.map((h) => leaveOneOut(points, h))
  const bandwidth = BANDWIDTHS[errors.indexOf(Math.min(...errors))]!
  const [low, high] = [Math.min(...points.map(({ z }) => z)), Math.max(...points.map(({ z }) => z))]
  const values = new Float64Array(columns * rows)
  const near = new Uint8Array(columns * rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [x, y] = [(column + 0.5) / columns, (row + 0.5) / rows]
      const { value, nearest } = localFit(points, x, y, bandwidth)
      const cell = row * columns + column
      values[cell] = Math.max(low, Math.min(high, value))
      near[cell] = nearest <= REACH ? 1 : 0
    }
  }
  return { values, near, columns, rows, bandwidth }
}

function leaveOneOut(points: readonly Located[], h: number): number {
  let sum = 0
  const every = Math.ceil(points.length / TRIED)
  for (let i = 0; i < points.length; i += every) {
    const { x, y, z } = points[i]!
    sum += (localFit(points, x, y, h, i).value - z) ** 2
  }
  return sum
}

/** The plane through the points around (x, y), weighted by exp(−d² / 2h²), at (x, y); and the distance to the nearest. */
export function localFit(
  points: readonly Located[],
  x: number,
  y: number,
  h: number,
  without = -1,
): { readonly value: number; readonly nearest: number } {
  // Distances are relative to the nearest point's, so that weights far from all points do not vanish.
  let nearest = Infinity
  for (const [i, p] of points.entries()) if (i !== without) nearest = Math.min(nearest, (p.x - x) ** 2 + (p.y - y) ** 2)
  let [w, wx, wy, wxx, wxy, wyy, wz, wxz, wyz] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
  for (let i = 0; i < points.length; i++) {
    if (i === without) continue
    const p = points[i]!
    const dx = p.x - x
    const dy = p.y - y
    const exponent = (nearest - dx * dx - dy * dy) / (2 * h * h)
    if (exponent < -30) continue
    const weight = Math.exp(exponent)
    w += weight
    wx += weight * dx
    wy += weight * dy
    wxx += weight * dx * dx
    wxy += weight * dx * dy
    wyy += weight * dy * dy
    wz += weight * p.z
    wxz += weight * dx * p.z
    wyz += weight * dy * p.z
  }
  // Slopes from the centred moments; the ridge decides where the points lie on a line.
  const [mx, my, mz] = [wx / w, wy / w, wz / w]
  const ridge = 1e-6 * h * h
  const [cxx, cyy, cxy] = [wxx / w - mx * mx + ridge, wyy / w - my * my + ridge, wxy / w - mx * my]
  const [cxz, cyz] = [wxz / w - mx * mz, wyz / w - my * mz]
  const determinant = cxx * cyy - cxy * cxy
  const [sx, sy] = [(cxz * cyy - cyz * cxy) / determinant, (cyz * cxx - cxz * cxy) / determinant]
  return { value: mz - sx * mx - sy * my, nearest: Math.sqrt(nearest) }
}
