// Which points a store holds already, asked for metric by metric when the first point of each is in doubt. MLflow cannot
// take a point back, and some of its stores keep a point twice that they are sent twice.
import type { Point } from '@mixlab/tracking'

/** SQL stores keep infinities as the largest number. */
const stored = (value: number): number =>
  value === Infinity ? Number.MAX_VALUE : value === -Infinity ? -Number.MAX_VALUE : value

const isSame = (a: Point, b: Point): boolean => a.time === b.time && Object.is(stored(a.value), stored(b.value))

export class Arrived {
  readonly #history: (key: string) => AsyncIterable<Point>
  /** By metric, then step. */
  readonly #known = new Map<string, Map<number, Point[]>>()

  constructor(history: (key: string) => AsyncIterable<Point>) {
    this.#history = history
  }

  /** The points that the store does not hold: it holds one if it has the same value of the same step and time. */
  async missing(points: readonly Point[]): Promise<Point[]> {
    const missing: Point[] = []
    for (const point of points) {
      const held = (await this.#of(point.key)).get(point.step) ?? []
      if (!held.some((other) => isSame(other, point))) missing.push(point)
    }
    return missing
  }

  /**
   * The points that the store does not hold, when it may hold those of an earlier log in which steps had other times:
   * each point that it holds stands for one point of its step. Called with the points of a log from its beginning on.
   */
  async missingByStep(points: readonly Point[]): Promise<Point[]> {
    const missing: Point[] = []
    for (const point of points) {
      const held = (await this.#of(point.key)).get(point.step) ?? []
      if (held.length === 0) missing.push(point)
      else
        held.splice(
          Math.max(
            0,
            held.findIndex((other) => isSame(other, point)),
          ),
          1,
        )
    }
    return missing
  }

  async #of(key: string): Promise<Map<number, Point[]>> {
    let known = this.#known.get(key)
    if (!known) {
      known = new Map()
      for await (const point of this.#history(key)) {
        const held = known.get(point.step)
        if (held) held.push(point)
        else known.set(point.step, [point])
      }
      this.#known.set(key, known)
    }
    return known
  }
}
