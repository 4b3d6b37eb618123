// The Pareto front: of two objectives with its staircase and the volume it dominates, of more pair by pair.
import type { Figure } from '../../figure.ts'
import { html } from '../../html.ts'
import { number } from '../../format.ts'
import { svgElement, type SvgNode } from '../../plot.ts'
import { objectiveAxis } from '../axis.ts'
import { chart, dots, keys, pathThrough, type Place } from '../chart.ts'
import { BEST, COMPLETE } from '../colours.ts'
import { hypervolume, lowerIsBetter } from '../pareto.ts'
import { list, meanText } from '../text.ts'
import { directionsOf, means, type View } from '../view.ts'

export interface Volume {
  readonly volume: number
  /** The worst value of each objective among the complete trials. */
  readonly reference: readonly number[]
}

/** The volume that the front dominates, measured from the worst values; undefined for one objective or no points. */
export function frontVolume({ ranked, front, objectives }: View): Volume | undefined {
  if (front.size === 0) return undefined
  const directions = directionsOf(objectives)
  const losses = ranked.map((point) => lowerIsBetter(means(point), directions))
  const worst = directions.map((_, i) => Math.max(...losses.map((loss) => loss[i]!)))
  const best = losses.slice(0, front.size)
  return { volume: hypervolume(best, worst), reference: lowerIsBetter(worst, directions) }
}

export function fronts(view: View): Figure[] {
  const { objectives } = view
  const pairs = objectives.flatMap((_, i) => objectives.slice(i + 1).map((_other, j) => [i, i + 1 + j] as const))
  if (view.ranked.length === 0) return []
  return pairs.map(([a, b]) => frontFigure(view, a, b, pairs.length === 1))
}

function frontFigure(view: View, a: number, b: number, only: boolean): Figure {
  const { ranked, front, objectives } = view
  const [across, up] = [objectives[a]!, objectives[b]!]
  const [x, y] = [a, b].map((i) =>
    objectiveAxis(
      ranked.map(({ estimates }) => estimates[i]!.mean),
      objectives[i]!.direction,
    ),
  )
  const volume = frontVolume(view)
  const body = chart({
    width: only ? 700 : 356,
    height: only ? 420 : 300,
    description: `${up.name} against ${across.name}: ${front.size} of ${ranked.length} trials are on the Pareto front`,
    x: { ticks: x!.ticks(only ? 7 : 4), title: across.name, grid: true },
    y: { ticks: y!.ticks(only ? 6 : 5), title: up.name, grid: true },
    draw: (place) => {
      const at = ranked.map(({ number: trial, estimates }) => ({
        number: trial,
        x: place.x(x!.position(estimates[a]!.mean)!),
        y: place.y(y!.position(estimates[b]!.mean)!),
      }))
      const best = at.filter((dot) => front.has(dot.number))
      return [
        dots(
          at.filter((dot) => !front.has(dot.number)),
          2.6,
          COMPLETE,
          0.6,
        ),
        only ? stairs(best, across.direction === 'minimize', place) : undefined,
        dots(best, 3.8, BEST),
        keys(
          [
            { text: 'dominated', colour: COMPLETE, kind: 'dot' },
            { text: 'front', colour: BEST, kind: only ? 'line' : 'dot' },
          ],
          place,
        ),
      ]
    },
  })
  const better = list(
    [across, up].map(({ name, direction }) => `${name} ${direction === 'minimize' ? 'lower' : 'higher'}`),
  )
  return {
    id: `front-${a + 1}-${b + 1}`,
    title: `${up.name} against ${across.name}`,
    caption: `Better is ${better}. ${
      only && volume
        ? `The front dominates a hypervolume of ${number(volume.volume)}, measured from the worst values (${volume.reference.map((mean) => meanText({ mean, halfWidth: NaN })).join(', ')}). `
        : 'The front is that of all the objectives together, so that here points of it can lie behind others. '
    }Means over seeds; the front takes no account of their noise.`,
    body: only ? html`<div class="scroll mid-plot">${body}</div>` : body,
    width: only ? 'wide' : 'panel',
  }
}

/** Along what the front dominates: from one point straight to the next one's level, then down to it. */
function stairs(
  points: readonly { readonly x: number; readonly y: number }[],
  leftIsBetter: boolean,
  place: Place,
): SvgNode {
  const sorted = points.toSorted((p, q) => (leftIsBetter ? p.x - q.x : q.x - p.x))
  const path = sorted.flatMap(({ x, y }, i): [number, number][] => [
    [x, y],
    [sorted[i + 1]?.x ?? (leftIsBetter ? place.right : place.left), y],
  ])
  return svgElement('path', { d: pathThrough(path), fill: 'none', stroke: BEST, 'stroke-width': 1.6 })
}
