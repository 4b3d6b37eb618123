// Every pair of arms by the questions that both answered.
import type { PairComparison } from '@mixlab/agent-evaluation'
import { swatch } from '../figures/arm-heading.ts'
import { decimalsFor, fixed, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { heading, isBinary, scoreName } from './comparison.ts'
import type { AgentView } from './view.ts'

/** Of more pairs than these all but the best arm's are folded away. */
const PAIRS = 10
const ALL_PAIRS = 400

const probability = (p: number): string => (p < 0.0001 ? '< 0.0001' : fixed(p, p < 0.001 ? 4 : 3))

/** The better arm of each pair comes first. */
export function pairTable(view: AgentView): Markup | undefined {
  const { arms, comparisons } = view
  const { pairs } = comparisons
  if (pairs.length === 0) return undefined
  const scores = arms.map(({ score }) => score?.mean ?? -Infinity)
  const best = arms[scores.indexOf(Math.max(...scores))]!.arm.label
  const shown = pairs.length <= PAIRS ? pairs : pairs.filter(({ first, second }) => first === best || second === best)
  return html`<h3>Paired comparisons</h3>
    ${pairRows(view, shown)}
    <p class="note">
      By question: what two arms share is not noise. An arm is called better only where Holm’s corrected p, over
      ${pairs.length === 1 ? 'one comparison' : `all ${pairs.length} comparisons`}, is below 0.05 and the bootstrap
      interval excludes zero. What is within the noise is not the same: <i>hidden</i> is the difference below which it
      would often not be found.
    </p>
    ${
      shown.length < pairs.length &&
      html`<details>
        <summary>All pairs <span class="soft">${pairs.length}</span></summary>
        ${pairRows(view, pairs.slice(0, ALL_PAIRS))}
        ${pairs.length > ALL_PAIRS && html`<p class="soft">The first ${ALL_PAIRS}.</p>`}
      </details>`
    }`
}

function pairRows(view: AgentView, pairs: readonly PairComparison[]): Markup {
  const binary = isBinary(view)
  const unit = binary ? 100 : 1
  const armOf = new Map(view.arms.map(({ arm }) => [arm.label, arm]))
  const named = (label: string): Markup =>
    html`<span class="arm-cell">${swatch(armOf.get(label)!)}<span class="long">${label}</span></span>`
  const counts = pairs.some(({ mcnemar }) => mcnemar !== undefined)
  const row = (pair: PairComparison): Markup => {
    const ahead = pair.difference >= 0
    const [first, second] = ahead ? [pair.first, pair.second] : [pair.second, pair.first]
    const { low, high } = ahead ? pair.interval : { low: -pair.interval.high, high: -pair.interval.low }
    const { onlyFirst = 0, onlySecond = 0 } = pair.mcnemar ?? {}
    const [wins, losses] = ahead ? [onlyFirst, onlySecond] : [onlySecond, onlyFirst]
    const digits = decimalsFor((unit * (high - low)) / 2, binary ? 1 : 3)
    const gap = unit * Math.abs(pair.difference)
    const hidden = unit * pair.minimumDetectable
    return html`<tr title="${pair.text}">
      <th scope="row" data-sort="${first}">${named(first)}</th>
      <td class="text" data-sort="${second}">${named(second)}</td>
      <td data-sort="${gap}">
        ${gap > 0 && '+'}${fixed(gap, digits)}<span class="pm"
          >${[low, high].map((value) => fixed(unit * value, digits)).join(' – ')}</span
        >
      </td>
      ${
        counts &&
        html`<td data-sort="${wins}">${whole(wins)}</td>
          <td data-sort="${losses}">${whole(losses)}</td>`
      }
      <td data-sort="${pair.questions}">${whole(pair.questions)}</td>
      ${Number.isFinite(hidden) ? html`<td data-sort="${hidden}">${fixed(hidden, digits)}</td>` : html`<td class="none">–</td>`}
      <td data-sort="${pair.p}">${probability(pair.p)}</td>
      <td data-sort="${pair.adjustedP}">${probability(pair.adjustedP)}</td>
      <td class="text${pair.winner === undefined && ' soft'}" data-sort="${pair.winner === undefined ? 'b' : 'a'}">
        ${pair.winner === undefined ? 'within the noise' : 'better'}
      </td>
    </tr>`
  }
  return html`<div class="scroll">
    <table class="sortable small pairs">
      <thead>
        <tr>
          ${heading('Arm', 'The one that is ahead', 'text')}${heading('against', 'The other', 'text')}
          ${heading(binary ? 'Points' : 'Difference', `${scoreName(view)} of the first minus the second, on the questions that both have, with its 95 % interval (paired bootstrap, BCa; groups of questions are drawn together)`)}
          ${counts && html`${heading('Only first', 'Questions that only the first has right')}${heading('Only second', 'Questions that only the second has right')}`}
          ${heading('Questions', 'That both have')}
          ${heading('Hidden', 'The smallest difference that this comparison, so corrected, finds in four of five experiments of this size')}
          ${heading('p', 'Two-sided: McNemar’s exact test of right or wrong; a sign-flip permutation test where questions come in groups or scores are not 0 or 1')}
          ${heading('p, Holm', `Corrected for ${view.comparisons.pairs.length} comparisons`)}
          ${heading('Finding', 'What may be said at 5 %', 'text')}
        </tr>
      </thead>
      <tbody>
        ${pairs.map(row)}
      </tbody>
    </table>
  </div>`
}
