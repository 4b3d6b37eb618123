// Who received what, when: one strip of members × steps for each mixture layer of each arm. Loads are averaged over
// stretches of steps, and drawn as multiples of a fair share, so that 8 and 64 members read alike.
import type { Arm } from '../arms.ts'
import { ARMS_WITH_MAPS, type Figure, representative } from '../figure.ts'
import { short } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { type LayerRouting, routingUnit } from '../series.ts'
import { besides, heatMap, mapWidth, scaleLegend, shareScale } from './heat-map.ts'
import { armHeading, chosenArms } from './arm-heading.ts'

const COLUMNS = 56
const MAPS = 64

/** cells[member][column] and the last step of each column. */
export function loadCells(layer: LayerRouting, columns = COLUMNS): { cells: (number | null)[][]; steps: number[] } {
  const count = Math.min(columns, layer.steps.length)
  const bounds = Array.from({ length: count + 1 }, (_, c) => Math.floor((c * layer.steps.length) / count))
  const steps = bounds.slice(1).map((end) => layer.steps[end - 1]!)
  const cells = layer.members.map((_, member) =>
    steps.map((_step, c) => {
      const loads = layer.load
        .slice(bounds[c], bounds[c + 1])
        .flatMap((load) => (Number.isFinite(load[member]) ? [load[member]!] : []))
      return loads.length === 0 ? null : loads.reduce((sum, value) => sum + value, 0) / loads.length
    }),
  )
  return { cells, steps }
}

function loadMap(arm: Arm, layer: LayerRouting, width: number, unit: string): Markup {
  const { cells, steps } = loadCells(layer)
  const members = Math.max(1, layer.members.length)
  return heatMap({
    cells,
    rows: layer.members,
    columns: steps.map((step) => short(step)),
    continuous: true,
    scale: shareScale(1 / members),
    width,
    rowHeight: Math.max(1.5, Math.min(13, 168 / members)),
    title: `layer ${layer.layer}`,
    columnTitle: unit,
    description: `${arm.label}, layer ${layer.layer}: load of ${members} members over ${unit}s`,
  })
}

export function loadMaps(arms: readonly Arm[], preferred: readonly number[]): Figure | undefined {
  const routed = arms.filter((arm) => representative(arm, (run) => run.layers.length > 0))
  if (routed.length === 0) return undefined
  const shown = chosenArms(routed, preferred, ARMS_WITH_MAPS)
  const layersEach = Math.max(1, Math.floor(MAPS / shown.length))
  let cut = false
  const blocks = shown.map((arm) => {
    const run = representative(arm, (series) => series.layers.length > 0)!
    const layers = evenly(run.series.layers, layersEach)
    cut ||= layers.length < run.series.layers.length
    return html`<div class="arm-block">
      ${armHeading(arm, arms, run.record.seed)}
      <div class="maps maps-${besides(layers.length)}">
        ${layers.map((layer) => loadMap(arm, layer, mapWidth(layers.length), routingUnit(run.series)))}
      </div>
    </div>`
  })
  const limits = [
    shown.length < routed.length && `The ${shown.length} arms with the lowest loss are shown.`,
    cut && 'Layers are sampled evenly.',
  ].filter(Boolean)
  return {
    id: 'load-maps',
    title: 'Load by member and step',
    caption:
      `Each row is a member, time runs to the right; the page’s tone is a fair share, orange is more, blue is less, so a solid blue row is a member that is hardly used. ${limits.join(' ')}`.trim(),
    body: html`${scaleLegend(shareScale(1), 'Load ÷ fair share')}${blocks}`,
    width: 'full',
  }
}

/** `count` of the items, evenly spaced, the first and the last included. */
export function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  if (count === 1) return items.slice(-1)
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!)
}
