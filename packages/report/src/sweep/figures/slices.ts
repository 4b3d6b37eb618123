// One panel for each parameter: the objective against its values, with the mean that the forest of the importances finds
// when everything else is averaged away.
import type { Figure } from '../../figure.ts'
import { percent } from '../../format.ts'
import { svgElement, type SvgNode } from '../../plot.ts'
import { objectiveAxis, type ParameterAxis } from '../axis.ts'
import type { Basis } from '../basis.ts'
import { chart, dots, pathThrough, type Place } from '../chart.ts'
import { BEST, COMPLETE } from '../colours.ts'
import type { Importance, Importances } from '../importances.ts'
import { predicts } from './importance-bars.ts'

const HEIGHT = 226
const MOST = 24

export function slices(
  basis: Basis,
  all: readonly ParameterAxis[],
  found: Importances | undefined,
  id: string,
): Figure[] {
  const { label: name, direction, entries } = basis
  if (entries.length < 2) return []
  const y = objectiveAxis(
    entries.map(({ value }) => value),
    direction,
  )
  const order = found?.parameters.map(({ axis }) => axis) ?? []
  const axes = [...order, ...all.filter((axis) => !order.includes(axis))].slice(0, MOST)
  return axes.flatMap((axis): Figure[] => {
    const importance = found?.parameters.find((one) => one.axis === axis)
    const shown = entries.flatMap(({ number, trial, value }) => {
      const position = axis.position(trial.parameters[axis.name])
      return position === undefined ? [] : [{ number, x: position, y: y.position(value)! }]
    })
    if (shown.length === 0) return []
    const categorical = axis.choices.length > 0
    const body = chart({
      width: 356,
      height: HEIGHT,
      description: `${name} against ${axis.name} of ${shown.length} trials`,
      x: { ticks: axis.ticks(5), title: axis.name, grid: categorical && axis.choices.length <= 12 },
      y: { ticks: y.ticks(4), title: name, grid: true },
      draw: (place) => [
        dots(
          shown.map((dot) => ({
            ...dot,
            x: place.x(dot.x + (categorical ? jitter(dot.number) / axis.choices.length : 0)),
            y: place.y(dot.y),
          })),
          shown.length > 200 ? 1.8 : 2.6,
          COMPLETE,
          shown.length > 60 ? 0.55 : 0.75,
        ),
        importance && marginal(place, importance, (mean) => y.position(mean)!),
      ],
    })
    const among =
      shown.length < entries.length ? `Exists in ${shown.length} of ${entries.length} ${basis.trials}. ` : ''
    const share =
      importance && found && predicts(found)
        ? `${percent(importance.share, 0)} of the variance${among === '' ? '' : ' among them'}. `
        : ''
    return [
      {
        id: `slice-${id}-${axis.name.replaceAll(/[^\w-]+/g, '-')}`,
        title: axis.short,
        caption: `${among === '' ? `Each dot is one of ${shown.length} ${basis.trials}. ` : among}${share}${importance ? 'Line: mean over all other parameters.' : ''}`,
        body,
        width: 'panel',
      },
    ]
  })
}

/** Sideways within a category's place, the same for a trial every time: the golden ratio spreads consecutive numbers. */
const jitter = (number: number): number => (((number * 0.618033988749895) % 1) - 0.5) * 0.5

function marginal(place: Place, { axis, means }: Importance, position: (mean: number) => number): SvgNode {
  const d =
    axis.choices.length > 0
      ? [...means]
          .map((mean, i) =>
            pathThrough([
              [place.x((i + 0.15) / means.length), place.y(position(mean))],
              [place.x((i + 0.85) / means.length), place.y(position(mean))],
            ]),
          )
          .join('')
      : pathThrough([...means].map((mean, i) => [place.x((i + 0.5) / means.length), place.y(position(mean))]))
  return svgElement('path', { d, fill: 'none', stroke: BEST, 'stroke-width': 2, 'stroke-linejoin': 'round' })
}
