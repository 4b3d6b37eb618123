// Arms by what they reached and what it took.
import { swatch } from '../figures/arm-heading.ts'
import { duration, fixed, number, percent, short, whole } from '../format.ts'
import { html, type Hole, type Markup } from '../html.ts'
import type { Interval } from './intervals.ts'
import { commonCurrency, type Money, moneyText, tokensOf } from './money.ts'
import type { AgentArm, AgentView } from './view.ts'

export const heading = (title: string, explanation: string, kind: 'text' | 'number' = 'number'): Markup =>
  html`<th scope="col" class="${kind}" aria-sort="none">
    <button type="button" title="${explanation}">${title}</button>
  </th>`

export const armHead = ({ arm }: AgentArm, badge?: Hole): Markup =>
  html`<th scope="row" data-sort="${arm.label}">
    <span class="arm-cell">${swatch(arm)}<span class="long" title="${arm.label}">${arm.label}</span></span
    >${badge}
  </th>`

/** Scores are percentages where they are right or wrong, else of 1. */
export const isBinary = ({ arms }: AgentView): boolean =>
  arms.every(({ answers }) => answers.every(({ score }) => score === undefined || score === 0 || score === 1))

export const scoreName = (view: AgentView): string => (isBinary(view) ? 'Accuracy' : 'Score')

export const scoreText = (value: number, binary: boolean): string => (binary ? percent(value) : fixed(value, 3))

/** 61.2 – 74.1. */
export function rangeText({ low, high }: Pick<Interval, 'low' | 'high'>, binary: boolean): string {
  if (!Number.isFinite(low)) return ''
  return binary ? `${fixed(100 * low, 1)} – ${fixed(100 * high, 1)}` : `${fixed(low, 3)} – ${fixed(high, 3)}`
}

/** Milliseconds, to three figures below ten seconds. */
export const time = (milliseconds: number): string =>
  milliseconds < 1000
    ? `${whole(milliseconds)}\u202fms`
    : milliseconds < 10_000
      ? `${fixed(milliseconds / 1000, 2)}\u202fs`
      : duration(milliseconds)

/** Money is given for so many questions: that of one is an unreadable fraction. */
export const PER_QUESTIONS = 1000

const moneyCell = (money: Money, questions: number, currency: string | undefined): Markup => {
  const total = [...money.known.values()].reduce((sum, value) => sum + value, 0)
  const text = moneyText(money, PER_QUESTIONS / questions, currency)
  const sort = text === 'unknown' ? NaN : (total / questions) * PER_QUESTIONS
  const title = `${moneyText(money)} in all${money.unpriced > 0 ? `; ${whole(money.unpriced)} calls have no known price` : ''}`
  return html`<td data-sort="${String(sort)}" title="${title}" ${text === 'unknown' && html`class="none"`}>${text}</td>`
}

const timeCell = (value: number | undefined): Markup =>
  value === undefined ? html`<td class="none">–</td>` : html`<td data-sort="${value}">${time(value)}</td>`

const countCell = (value: number, title: string): Markup =>
  html`<td data-sort="${value}" title="${title}" ${value > 0 ? html`class="bad"` : html`class="soft"`}>
    ${value === 0 ? '0' : whole(value)}
  </td>`

/** Answers that carry a mark of their own: unparseable ones count as wrong, and are told apart here. */
const unparseable = ({ answers }: AgentArm): number =>
  answers.filter(({ answered, parsed, score }) => answered && score !== undefined && parsed === undefined).length

export function armTable(view: AgentView): Markup {
  const binary = isBinary(view)
  const { arms } = view
  const streamed = arms.some(({ firstToken }) => firstToken !== undefined)
  const parsing = arms.some(({ answers }) => answers.some(({ parsed }) => parsed !== undefined))
  const several = arms.some(({ tallies }) => tallies.length > 1)
  const currency = commonCurrency(arms.flatMap(({ spent }) => [spent.logical, spent.billed]))
  const per = `${currency === undefined ? '' : `${currency} `}per ${whole(PER_QUESTIONS)} questions`
  const row = (one: AgentArm): Markup => {
    const { answers, score, spent, latency, firstToken } = one
    const n = answers.length
    const best = view.comparisons.winners.has(one.arm.label)
    return html`<tr data-arm="${one.arm.index}">
      ${armHead(one)}
      <td data-sort="${n}">
        ${whole(n)}${several && one.tallies.length > 1 && html`<span class="pm">${one.tallies.length} seeds</span>`}
      </td>
      ${
        score
          ? html`<td
              data-sort="${score.mean}"
              ${best && html`class="best" title="Best: better than every other arm, after Holm’s correction"`}
            >
              ${scoreText(score.mean, binary)}<span class="pm">${rangeText(score, binary)}</span>
            </td>`
          : html`<td class="none">–</td>`
      }
      ${parsing && countCell(unparseable(one), 'Answers in which the grader found nothing; they count as wrong')}
      ${countCell(one.unanswered, 'Questions without an answer; they count as wrong')}
      ${countCell(one.missing, 'Answers that steps did without')}
      <td data-sort="${spent.calls / n}">${number(spent.calls / n)}</td>
      <td
        data-sort="${tokensOf(spent) / n}"
        title="${whole(spent.inputTokens)} in, ${whole(spent.outputTokens)} out in all${spent.estimated > 0 && `; estimated in ${whole(spent.estimated)} calls`}"
      >
        ${spent.estimated > 0 && '≈ '}${short(Math.round(tokensOf(spent) / n))}
      </td>
      ${moneyCell(spent.logical, n, currency)}${moneyCell(spent.billed, n, currency)}${timeCell(latency.p50)}${timeCell(latency.p95)}
      ${streamed && timeCell(firstToken?.p50)}
    </tr>`
  }
  return html`<div class="scroll">
      <table class="sortable">
        <thead>
          <tr>
            ${heading('Arm', 'What was compared', 'text')}${heading('Questions', 'That the arm has come to an end with')}
            ${heading(scoreName(view), `By the grader ${view.grader ?? 'that each arm names first'}, with its 95 % interval`)}
            ${parsing && heading('Unparsed', 'Answers in which the grader found nothing; they count as wrong')}
            ${heading('No answer', 'Questions without an answer; they count as wrong')}
            ${heading('Missing', 'Answers that steps had to do without: calls that failed for good')}
            ${heading('Calls', 'Per question')}${heading('Tokens', 'Per question, in and out')}
            ${heading('Cost', `${per}, as if nothing had been cached`)}${heading('Billed', `${per}, as it was paid`)}
            ${heading('p50', 'Critical path: the longest chain of calls that wait for one another, median')}
            ${heading('p95', 'Critical path, 95th percentile')}
            ${streamed && heading('First token', 'Of the final answer, along the critical path, median')}
          </tr>
        </thead>
        <tbody>
          ${arms.map(row)}
        </tbody>
      </table>
    </div>
    <p class="note">
      ${methodNote(view)} Calls and tokens are per question, money is ${per}. A price that is not known is unknown, not
      zero; ≥ marks a sum that lacks some. Click a heading to sort.
    </p>`
}

function methodNote({ arms }: AgentView): string {
  const methods = new Set(arms.flatMap(({ score }) => score?.method ?? []))
  const names = {
    Wilson: 'Wilson’s interval',
    Student: 'Student’s interval over questions',
    clustered: 'cluster-robust interval, questions of a group together',
  }
  const said = [...methods].map((method) => names[method]).join(' or ')
  return said === '' ? 'Nothing was graded.' : `Below each score its 95 % interval (${said}).`
}
