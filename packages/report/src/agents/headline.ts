// What was found, in a paragraph: which arm is ahead, of whom it is separated, what it costs, what failed. Nothing is
// called better that the corrected paired comparisons do not separate.
import { number, percent, short, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { isBinary, PER_QUESTIONS, rangeText, scoreName, scoreText, time } from './comparison.ts'
import { moneyText, tokensOf } from './money.ts'
import type { AgentArm, AgentView } from './view.ts'

export const list = (names: readonly string[], most = 4): string => {
  const shown = names.length > most ? [...names.slice(0, most), `${names.length - most} more`] : names
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)!}`
}

export function agentsHeadline(view: AgentView): Markup {
  return html`<p class="lead">
    ${[leading(view), expense(view), trouble(view)].map((sentence) => sentence && html`${sentence} `)}
  </p>`
}

function leading(view: AgentView): Markup {
  const { arms, comparisons } = view
  const binary = isBinary(view)
  const name = scoreName(view).toLowerCase()
  const order = arms.filter(({ score }) => score !== undefined).toSorted((a, b) => b.score!.mean - a.score!.mean)
  const [best, next] = order
  if (!best) return html`${whole(arms[0]!.answers.length)} questions were answered; no answer was graded.`
  const value = html`<b>${scoreText(best.score!.mean, binary)}</b> (95 % interval ${rangeText(best.score!, binary)})`
  if (!next)
    return html`<b>${best.arm.label}</b> reached ${binary ? 'an accuracy' : 'a score'} of ${value} on
      ${whole(best.answers.length)} questions.`
  const { label } = best.arm
  const against = comparisons.pairs.filter(({ first, second }) => first === label || second === label)
  const other = ({ first, second }: { first: string; second: string }): string => (first === label ? second : first)
  const clear = against.filter(({ winner }) => winner === label)
  const tied = against.filter(({ winner }) => winner !== label)
  const lead = html`<b>${label}</b> has the highest ${name}, ${value}.`
  if (against.length === 0) return html`${lead} It shares no questions with the others, so nothing can be said.`
  if (tied.length === 0)
    return html`${lead} It is better than every other arm on the same questions, after correction for
    ${comparisons.pairs.length === 1 ? 'one comparison' : `${comparisons.pairs.length} comparisons`}.`
  const noise = html`Its lead over ${list(tied.map(other))} is within the noise of these
  ${whole(Math.min(...tied.map(({ questions }) => questions)))} questions`
  return clear.length === 0
    ? html`${lead} ${noise}: no winner can be named.`
    : html`${lead} It is better than ${list(clear.map(other))}; ${lowered(noise)}.`
}

const lowered = ({ markup }: Markup): Markup => ({ markup: markup.slice(0, 1).toLowerCase() + markup.slice(1) })

/** What the arms ask for: the least and the most expensive. */
function expense({ arms }: AgentView): Markup | undefined {
  const order = arms.toSorted((a, b) => tokensOf(a.spent) / a.answers.length - tokensOf(b.spent) / b.answers.length)
  const [least, most] = [order[0]!, order.at(-1)!]
  const said = ({ arm, spent, answers, latency }: AgentArm): Markup => {
    const n = answers.length
    const price = moneyText(spent.logical, PER_QUESTIONS / n)
    const calls = Number((spent.calls / n).toPrecision(3))
    return html`${arm.label} takes ${number(calls)} ${calls === 1 ? 'call' : 'calls'},
    ${short(Math.round(tokensOf(spent) / n))} tokens and ${time(latency.p50)} a
    question${price === 'unknown' ? ' at a price that is not known' : price === '0' ? '' : `, ${price} for ${whole(PER_QUESTIONS)} of them`}`
  }
  return least === most ? html`${said(least)}.` : html`${said(least)}; ${said(most)}.`
}

function trouble({ arms }: AgentView): Markup | undefined {
  const sum = (of: (one: AgentArm) => number): number => arms.reduce((total, one) => total + of(one), 0)
  const [failed, calls, unanswered] = [
    sum((one) => one.failedCalls),
    sum((one) => one.spent.calls),
    sum((one) => one.unanswered),
  ]
  if (failed + unanswered === 0) return undefined
  const missing = sum((one) => one.missing)
  const parts = [
    failed > 0 &&
      `${whole(failed)} of ${whole(calls)} calls failed (${percent(failed / calls, failed / calls < 0.01 ? 2 : 1)})`,
    missing > 0 && `${whole(missing)} answers are missing`,
    unanswered > 0 && `${whole(unanswered)} questions have no answer and count as wrong`,
  ].filter((part) => part !== false)
  return html`<span class="bad">${list(parts)}.</span>`
}

/** For the head of the page. */
export function agentFacts(view: AgentView): [string, string][] {
  const { arms } = view
  const counts = arms.map(({ scores, answers }) => scores.length || answers.length)
  const [low, high] = [Math.min(...counts), Math.max(...counts)]
  const agents = new Set(arms.flatMap((one) => [...one.agents.keys()]))
  const total = (of: (one: AgentArm) => number): number => arms.reduce((sum, one) => sum + of(one), 0)
  return [
    ['Questions', low === high ? whole(low) : `${whole(low)} – ${whole(high)}`],
    ['Agents', list([...agents], 6)],
    ['Calls', whole(total(({ spent }) => spent.calls))],
    [
      'Tokens',
      `${short(total(({ spent }) => spent.inputTokens))} in, ${short(total(({ spent }) => spent.outputTokens))} out`,
    ],
    ...(view.grader === undefined ? [] : [['Grader', view.grader] satisfies [string, string]]),
  ]
}
