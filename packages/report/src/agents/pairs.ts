// Every pair of arms by the questions that both answered.
import { swatch } from '../figures/arm-heading.ts'
import { decimalsFor, fixed, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { heading, isBinary, scoreName } from './comparison.ts'
import type { Comparison } from './intervals.ts'
import type { AgentView } from './view.ts'

/** Of more pairs than these all but the best arm's are folded away. */
const PAIRS = 10
const ALL_PAIRS = 400

const probability = (p: number): string => (p < 0.0001 ? '< 0.0001' : fixed(p, p < 0.001 ? 4 : 3))

/** The better arm of each pair comes first. */
export function pairTable(view: AgentView): Markup | undefined {
  const { arms, comparisons } = view
  if (comparisons.length === 0) return undefined
  const scores = arms.map(({ score }) => score?.mean ?? -Infinity)
  const best = scores.indexOf(Math.max(...scores))
  const shown = comparisons.length <= PAIRS ? comparisons : comparisons.filter(({ a, b }) => a === best || b === best)
  return html`<h3>Paired comparisons</h3>
    ${pairRows(view, shown)}
    <p class="note">
      By question: what two arms share is not noise. An arm is called better only where Holm’s corrected p, over
      ${comparisons.length === 1 ? 'one comparison' : `all ${comparisons.length} comparisons`}, is below 0.05.
    </p>
    ${
      shown.length < comparisons.length &&
      html`<details>
        <summary>All pairs <span class="soft">${comparisons.length}</span></summary>
        ${pairRows(view, comparisons.slice(0, ALL_PAIRS))}
        ${comparisons.length > ALL_PAIRS && html`<p class="soft">The first ${ALL_PAIRS}.</p>`}
      </details>`
    }`
}

function pairRows(view: AgentView, pairs: readonly Comparison[]): Markup {
  const binary = isBinary(view)
  const unit = binary ? 100 : 1
  const row = (pair: Comparison): Markup => {
    const ahead = pair.difference.mean >= 0
    const [first, second] = ahead ? [pair.a, pair.b] : [pair.b, pair.a]
    const [wins, losses] = ahead ? pair.better : [pair.better[1], pair.better[0]]
    const { mean, low, high } = pair.difference
    const half = (unit * (high - low)) / 2
    const digits = decimalsFor(half, binary ? 1 : 3)
    const gap = unit * Math.abs(mean)
    const ends = (ahead ? [low, high] : [-high, -low]).map((value) => fixed(unit * value, digits))
    return html`<tr>
      <th scope="row" data-sort="${view.arms[first]!.arm.label}">
        <span class="arm-cell"
          >${swatch(view.arms[first]!.arm)}<span class="long">${view.arms[first]!.arm.label}</span></span
        >
      </th>
      <td class="text" data-sort="${view.arms[second]!.arm.label}">
        <span class="arm-cell"
          >${swatch(view.arms[second]!.arm)}<span class="long">${view.arms[second]!.arm.label}</span></span
        >
      </td>
      <td data-sort="${gap}">${gap > 0 && '+'}${fixed(gap, digits)}<span class="pm">${ends.join(' – ')}</span></td>
      <td data-sort="${wins}">${whole(wins)}</td>
      <td data-sort="${losses}">${whole(losses)}</td>
      <td data-sort="${pair.n}">${whole(pair.n)}</td>
      <td data-sort="${pair.p}">${probability(pair.p)}</td>
      <td data-sort="${pair.adjusted}">${probability(pair.adjusted)}</td>
      <td class="text${!pair.clear && ' soft'}" data-sort="${pair.clear ? 'a' : 'b'}">
        ${pair.clear ? 'better' : 'within the noise'}
      </td>
    </tr>`
  }
  return html`<div class="scroll">
    <table class="sortable small pairs">
      <thead>
        <tr>
          ${heading('Arm', 'The one that is ahead', 'text')}${heading('against', 'The other', 'text')}
          ${heading(binary ? 'Points' : 'Difference', `${scoreName(view)} of the first minus the second, on the questions that both have, with its 95 % interval`)}
          ${heading('Only first', 'Questions on which the first is better')}
          ${heading('Only second', 'Questions on which the second is better')} ${heading('Questions', 'That both have')}
          ${heading('p', 'Two-sided: McNemar’s exact test of right or wrong; a t-test of the differences where questions come in groups or scores are not 0 or 1')}
          ${heading('p, Holm', `Corrected for ${view.comparisons.length} comparisons`)}
          ${heading('Finding', 'What may be said at 5 %', 'text')}
        </tr>
      </thead>
      <tbody>
        ${pairs.map(row)}
      </tbody>
    </table>
  </div>`
}
