// Whom each mixture layer had chosen in the end: agents by their router or topology, experts by theirs, in one figure and
// on one scale, times a fair share.
import type { Arm } from '../arms.ts'
import { armHeading, chosenArms } from '../figures/arm-heading.ts'
import { heatMap, scaleLegend, shareScale } from '../figures/heat-map.ts'
import { ARMS_WITH_MAPS, type Figure, representative } from '../figure.ts'
import { html, type Markup } from '../html.ts'
import type { LayerRouting } from '../series.ts'

const LAYERS = 48

/** The mean over the last tenth of the run: one batch's load is noise. */
export function loadAtTheEnd({ steps, load, members }: LayerRouting): (number | null)[] {
  const last = steps.at(-1) ?? 0
  const tail = load.filter((_, i) => steps[i]! >= 0.9 * last)
  return members.map((_, member) => {
    const values = tail.flatMap((one) => (Number.isFinite(one[member]) ? [one[member]!] : []))
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
  })
}

function blockOf(arm: Arm, arms: readonly Arm[]): Markup {
  const run = representative(arm, ({ layers }) => layers.length > 0)!
  const layers = run.series.layers.slice(0, LAYERS)
  // Layers whose members are the same make one map.
  const maps = [...Map.groupBy(layers, ({ members }) => JSON.stringify(members)).values()]
  return html`<div class="arm-block">
    ${armHeading(arm, arms, run.record.seed)}
    ${maps.map((group) => {
      const { members } = group[0]!
      return heatMap({
        cells: group.map((layer) =>
          loadAtTheEnd(layer).map((value) => (value === null ? null : value * members.length)),
        ),
        rows: group.map(({ layer }) => `layer ${layer}`),
        columns: members,
        scale: shareScale(1),
        width: Math.min(760, 90 + members.length * Math.max(36, 7 * Math.min(14, members[0]!.length))),
        rowHeight: 18,
        written: true,
        description: `${arm.label}: load of ${members.length} members at the end, times a fair share`,
      })
    })}
  </div>`
}

export function finalLoad(arms: readonly Arm[]): Figure | undefined {
  const routed = arms.filter((arm) => representative(arm, ({ layers }) => layers.length > 0))
  if (routed.length === 0) return undefined
  const shown = chosenArms(
    routed,
    routed.map(({ index }) => index),
    ARMS_WITH_MAPS,
  )
  return {
    id: 'final-load',
    title: 'Load at the end',
    caption: `How often each member was chosen, as a multiple of its fair share: agents of a layer, and experts of one, on one scale; the page’s tone is a fair share.${shown.length < routed.length ? ` The first ${shown.length} of ${routed.length} arms.` : ''}`,
    body: html`${scaleLegend(shareScale(1), 'Load ÷ fair share')}
      <div class="diagrams">${shown.map((arm) => blockOf(arm, arms))}</div>`,
    width: 'full',
  }
}
