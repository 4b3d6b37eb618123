// The paragraph at the top of a sweep's report, computed: which point is best, and whether the noise allows to say so.
import { difference } from '@mixlab/statistics'
import { html, type Markup } from '../html.ts'
import { frontVolume } from './figures/front.ts'
import { number } from '../format.ts'
import { estimateText, list, meanText, plural, pointText, spreadText } from './text.ts'
import type { Point, View } from './view.ts'

/** One paragraph; nothing is claimed that the data does not hold. */
export function headline(view: View): Markup {
  return html`<p class="lead">${findings(view).map((sentence) => html`${sentence} `)}</p>`
}

export function findings(view: View): Markup[] {
  const { ranked, points, objectives, axes } = view
  const finished = points.filter(({ trial }) => trial.state === 'complete').length
  if (ranked.length === 0)
    return [
      html`${points.length === 0 ? 'No trial has started' : `None of ${plural(points.length, 'trial')} has completed with a finite ${list(objectives.map(({ name }) => name))}`},
      so there is no best point yet.`,
      ...trouble(view),
    ]
  if (objectives.length > 1) return [...several(view), ...trouble(view)]
  const [best] = ranked
  const { name, direction } = objectives[0]!
  const value = best!.estimates[0]!
  const where = axes.length > 0 && pointText(best!, axes)
  const word = direction === 'minimize' ? 'lowest' : 'highest'
  const first = html`Trial ${best!.number}${where && html` (<b>${where}</b>)`} has the ${word} ${name},
    <b>${meanText(value)}</b
    >${spreadText(value) && html` ± ${spreadText(value)} (95 % interval over ${value.n} seeds)`}`
  if (ranked.length === 1)
    return [html`${first}; it is the only trial of ${points.length} that completed.`, ...trouble(view)]
  return [html`${first}, of ${plural(finished, 'complete trial')}.`, ...certainty(view), ...trouble(view)]
}

/** Whether the lead is more than noise, as far as the seeds allow to say. */
function certainty({ ranked, ranking, tied }: View): Markup[] {
  const [best, next] = ranked
  const [value, second] = [best!.estimates[0]!, next!.estimates[0]!]
  const lead = difference(value, second)
  if (value.n < 2) {
    const repeated = ranked.filter(({ estimates }) => estimates[0]!.n > 1)
    return [
      html`${repeated.length === 0 ? 'Every point has' : 'It has'} a single seed, and the best of many noisy values is
      optimistic: whether it is better than trial ${next!.number} (${estimateText(second)}) is not known; run the best
      points with several seeds.`,
    ]
  }
  if (ranking?.clear)
    return [
      html`The 95 % intervals of its difference to every other point exclude zero: the lead over trial ${next!.number},
      ${meanText({ mean: Math.abs(lead.mean), halfWidth: lead.halfWidth })} ± ${spreadText(lead) ?? '0'}, is more than
      noise.`,
    ]
  const single = tied.filter(({ estimates }) => estimates[0]!.n < 2)
  const noisy = tied.filter(({ estimates }) => estimates[0]!.n > 1)
  const apart = ranked.length - 1 - tied.length
  return [
    html`These seeds do not single it out:
    ${noisy.length > 0 && html`the noise does not tell it from ${list(noisy.map(trialName))}`}${
      single.length > 0 &&
      html`${noisy.length > 0 ? ', and ' : ''}${plural(single.length, 'point has', 'points have')} a single seed and
      cannot be compared (the best of them: ${trialName(single[0]!)}, ${meanText(single[0]!.estimates[0]!)})`
    }.
    ${apart > 0 && `It is separated from the other ${apart}.`}`,
  ]
}

const trialName = ({ number: trial }: Point): string => `trial ${trial}`

function several(view: View): Markup[] {
  const { ranked, front, objectives } = view
  const volume = frontVolume(view)
  const ends = objectives.map(({ name, direction }, i) => {
    const sign = direction === 'minimize' ? 1 : -1
    const best = ranked.toSorted((a, b) => sign * (a.estimates[i]!.mean - b.estimates[i]!.mean))[0]!
    return html`${i > 0 && '; '}the ${direction === 'minimize' ? 'lowest' : 'highest'} ${name} is
      <b>${estimateText(best.estimates[i]!)}</b> (trial ${best.number})`
  })
  return [
    html`<b>${front.size}</b> of ${plural(ranked.length, 'complete trial')} ${front.size === 1 ? 'is' : 'are'} on the
      Pareto front${volume && `, which dominates a hypervolume of ${number(volume.volume)}`}: ${ends}.`,
    ranked.some(({ estimates }) => estimates.some((value) => value!.n > 1))
      ? html``
      : html`Every point has a single seed: how much of the front is noise is not known.`,
  ]
}

function trouble({ points, sweep }: View): Markup[] {
  const failed = points.filter(({ trial }) => trial.state === 'failed').length
  const diverged = points.filter(({ trial, diverged: count }) => trial.state === 'complete' && count > 0).length
  const running = points.filter(({ trial }) => trial.state === 'running' || trial.state === 'waiting').length
  const parts = [
    failed > 0 && `${plural(failed, 'trial')} failed`,
    diverged > 0 &&
      `${plural(diverged, 'complete trial')} had a value that is not a finite number and ${diverged === 1 ? 'is' : 'are'} not ranked`,
    running > 0 &&
      sweep.status === 'running' &&
      `${plural(running, 'trial')} ${running === 1 ? 'is' : 'are'} still to end`,
  ].filter((part) => part !== false)
  return parts.length === 0 ? [] : [html`<span class="bad">${sentence(list(parts))}.</span>`]
}

const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
