// The list of questions before the script fills it, and the data that the script reads. Base64 holds no character that
// could end an element; the runs' names are JSON with its less-than signs escaped.
import { html, type Markup, raw } from '../../html.ts'
import { whole } from '../../format.ts'
import type { TranscriptStore } from './store.ts'

const filters: readonly (readonly [id: string, text: string, title: string])[] = [
  ['all', 'All', 'Every question'],
  ['wrong', 'Wrong', 'The final answer is wrong'],
  ['differ', 'Arms differ', 'Some arms are right and others wrong'],
  ['disagreed', 'Disagreed', 'Answers of one layer differ'],
  [
    'flipped',
    'Flipped',
    'A right answer was given up: one that the final step saw, or an agent’s own of an earlier layer',
  ],
  ['rescued', 'Rescued', 'The final answer is right though none that the final step saw was'],
  ['missing', 'Missing', 'A call failed or an answer is missing'],
  ['unanswered', 'No answer', 'There is no final answer'],
  ['unparseable', 'Unparseable', 'The grader found nothing in the answer; it counts as wrong'],
]

export function questionList(store: TranscriptStore, labels: readonly string[]): Markup {
  const left = store.questions - store.packed
  return html`<div id="questions">
    <div class="filters">
      ${filters
        .filter(([id]) => id !== 'differ' || labels.length > 1)
        .map(
          ([id, text, title]) =>
            html`<button type="button" data-filter="${id}" aria-pressed="false" title="${title}">
              ${text} <small></small>
            </button>`,
        )}
    </div>
    <p class="finding">
      <label
        >Arm
        <select>
          <option value="">any</option>
          ${labels.map((label, i) => html`<option value="${i}">${label}</option>`)}
        </select></label
      >
      <label>Find <input type="search" placeholder="id or words of the question" /></label>
    </p>
    <div class="scroll">
      <table class="small questions">
        <thead>
          <tr>
            <th scope="col" class="text">Question</th>
            <th scope="col" class="text"></th>
            <th scope="col" class="text" title="${labels.join(', ')}">Arms</th>
          </tr>
        </thead>
        <tbody></tbody>
      </table>
    </div>
    <p class="pager note"></p>
    <noscript
      ><p class="note">
        The list needs JavaScript; <code>mixlab transcript RUN --question ID</code> prints a transcript without.
      </p></noscript
    >
    <p class="note">
      A square is an arm, in the order of the table above: filled is right, struck through is wrong, a dot marks a call
      that failed.
      ${left > 0 && `${whole(store.packed)} of ${whole(store.questions)} transcripts are in this page, which is bounded: first those in which something went wrong or arms differ. The others are in the runs: mixlab transcript RUN --question ID.`}
      ${store.listed < store.questions && `The first ${whole(store.listed)} questions are listed.`}
    </p>
  </div>`
}

const base64 = (id: string, data: string): Markup =>
  html`<script type="text/plain" id="${id}">
    ${raw(data)}
  </script>`

export const transcriptData = (store: TranscriptStore, labels: readonly string[]): Markup =>
  html`<script type="application/json" id="transcript-runs">
      ${raw(JSON.stringify({ runs: labels }).replaceAll('<', String.raw`\u003c`))}
    </script>
    ${base64('transcript-list', store.list)} ${store.chunks.map((chunk, i) => base64(`transcripts-${i}`, chunk))}`
