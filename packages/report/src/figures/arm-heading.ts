// Heads a group of an arm's heat maps with its colour and name.
import type { Arm } from '../arms.ts'
import { html, type Markup } from '../html.ts'
import { armColour } from '../theme.ts'

export const swatch = (arm: Arm): Markup => html`<i class="swatch" style="background:${armColour(arm.index)}"></i>`

/** Nothing when there is one arm with one run: the page's title says it. */
export function armHeading(arm: Arm, all: readonly Arm[], seed: number): Markup {
  if (all.length === 1 && arm.runs.length === 1) return html``
  return html`<h4 class="arm-name">
    ${swatch(arm)}<span class="long">${arm.label}</span>${arm.runs.length > 1 && html`<small>seed ${seed}</small>`}
  </h4>`
}

/** At most `count` of the arms, the preferred ones (by index) first chosen, in their own order. */
export function chosenArms(arms: readonly Arm[], preferred: readonly number[], count: number): Arm[] {
  if (arms.length <= count) return [...arms]
  const position = (arm: Arm): number =>
    preferred.includes(arm.index) ? preferred.indexOf(arm.index) : preferred.length + arm.index
  const chosen = new Set(arms.toSorted((a, b) => position(a) - position(b)).slice(0, count))
  return arms.filter((arm) => chosen.has(arm))
}
