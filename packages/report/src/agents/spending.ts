// Where the calls, the tokens and the money went: by agent and by step, and what failed.
import { ellipsis, number, percent, short, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { armHead, heading, PER_QUESTIONS, time } from './comparison.ts'
import { moneyText, type Money } from './money.ts'
import type { CallTally, FailureTally } from './tally.ts'
import { type AgentArm, type AgentView, percentiles } from './view.ts'

const ROWS = 200

const money = (value: Money, times = 1): Markup => {
  const text = moneyText(value, times)
  const total = [...value.known.values()].reduce((sum, amount) => sum + amount * times, 0)
  return html`<td data-sort="${text === 'unknown' ? 'NaN' : total}" ${text === 'unknown' && html`class="none"`}>
    ${text}
  </td>`
}

function callCells({ spent, failed, durations, firstTokens }: CallTally): Markup {
  const [took, first] = [percentiles(durations), percentiles(firstTokens)]
  return html`<td data-sort="${spent.calls}">${whole(spent.calls)}</td>
    <td data-sort="${failed}" ${failed > 0 ? html`class="bad"` : html`class="soft"`}>${whole(failed)}</td>
    <td data-sort="${spent.inputTokens}" title="${whole(spent.inputTokens)}">
      ${spent.estimated > 0 && '≈ '}${short(spent.inputTokens)}
    </td>
    <td data-sort="${spent.cachedInputTokens}" title="${whole(spent.cachedInputTokens)}">
      ${short(spent.cachedInputTokens)}
    </td>
    <td
      data-sort="${spent.outputTokens}"
      title="${whole(spent.outputTokens)}${spent.reasoningTokens > 0 && `, ${whole(spent.reasoningTokens)} of them reasoning`}"
    >
      ${short(spent.outputTokens)}
    </td>
    ${money(spent.logical)}${money(spent.billed)}
    <td data-sort="${took?.p50 ?? 'NaN'}">${took ? time(took.p50) : '–'}</td>
    <td data-sort="${took?.p95 ?? 'NaN'}">${took ? time(took.p95) : '–'}</td>
    <td data-sort="${first?.p50 ?? 'NaN'}">${first ? time(first.p50) : '–'}</td>`
}

const callHeadings = html`${heading('Calls', 'Over all questions')}${heading('Failed', 'For good')}${heading('In', 'Tokens of prompts')}${heading('Cached', 'Tokens of prompts that the provider had cached')}${heading('Out', 'Tokens of replies, reasoning included')}${heading('Cost', 'As if nothing had been cached')}${heading('Billed', 'As it was paid')}${heading('p50', 'Of a call that succeeded, median')}${heading('p95', '95th percentile')}${heading('First token', 'Median')}`

function table(title: string, what: Markup, rows: readonly Markup[]): Markup {
  return html`<h3>${title}</h3>
    <div class="scroll">
      <table class="sortable small">
        <thead>
          <tr>
            ${heading('Arm', 'What was compared', 'text')}${what}${callHeadings}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, ROWS)}
        </tbody>
      </table>
    </div>
    ${rows.length > ROWS && html`<p class="soft">The first ${ROWS} of ${rows.length} rows.</p>`}`
}

/** What was said before the run that a question takes at most, beside what it took. */
export function plannedTable({ arms }: AgentView): Markup | undefined {
  const planned = arms.filter(({ topology }) => topology?.plan?.calls !== undefined)
  if (planned.length === 0) return undefined
  return html`<details>
    <summary>Planned and spent <span class="soft">per question</span></summary>
    <div class="scroll">
      <table class="sortable small">
        <thead>
          <tr>
            ${heading('Arm', 'What was compared', 'text')}${heading('Calls planned', 'Least and most')}${heading('made', 'Mean; failed calls included')}
            ${heading('In at most', 'Tokens of prompts, bound')}${heading('in', 'Mean')}${heading('Out at most', 'Tokens of replies, bound')}${heading('out', 'Mean')}
            ${heading('Price at most', `Of ${whole(PER_QUESTIONS)} questions`)}${heading('cost', `Of ${whole(PER_QUESTIONS)} questions, nothing cached`)}
          </tr>
        </thead>
        <tbody>
          ${planned.map((one) => {
            const { calls, inputTokens, outputTokens, price } = one.topology!.plan!
            const n = one.answers.length
            const bound = (value: number | undefined): Markup =>
              value === undefined
                ? html`<td class="none">–</td>`
                : html`<td data-sort="${value}">${short(Math.round(value))}</td>`
            return html`<tr data-arm="${one.arm.index}">
              ${armHead(one)}
              <td data-sort="${calls!.max}">${calls!.min === calls!.max ? '' : `${calls!.min} – `}${calls!.max}</td>
              <td data-sort="${one.spent.calls / n}">${number(one.spent.calls / n)}</td>
              ${bound(inputTokens)}${bound(one.spent.inputTokens / n)}${bound(outputTokens)}${bound(one.spent.outputTokens / n)}
              ${price ? html`<td data-sort="${price.amount}">${number(Number((PER_QUESTIONS * price.amount).toPrecision(3)))} ${price.currency}</td>` : html`<td class="none">unknown</td>`}
              ${money(one.spent.logical, PER_QUESTIONS / n)}
            </tr>`
          })}
        </tbody>
      </table>
    </div>
  </details>`
}

export function spendingByAgent({ arms }: AgentView): Markup {
  const rows = arms.flatMap((one) =>
    [...one.agents].map(
      ([agent, calls]) =>
        html`<tr data-arm="${one.arm.index}">
          ${armHead(one)}
          <td class="text" data-sort="${agent}">${ellipsis(agent, 40)}</td>
          ${callCells(calls)}
        </tr>`,
    ),
  )
  return table('By agent', heading('Agent', 'As the experiment names it', 'text'), rows)
}

export function spendingByStep({ arms }: AgentView): Markup | undefined {
  const rows = arms.flatMap((one) =>
    one.steps
      .filter(({ spent }) => spent.calls > 0)
      .map(
        (step) =>
          html`<tr data-arm="${one.arm.index}">
            ${armHead(one)}
            <td class="text" data-sort="${step.layer} ${step.id}">
              ${ellipsis(step.id, 40)} <span class="soft">${step.kind}</span>
            </td>
            ${callCells(step)}
          </tr>`,
      ),
  )
  return html`<details>
    <summary>By step <span class="soft">${rows.length}</span></summary>
    ${table('Steps', heading('Step', 'With its kind', 'text'), rows)}
  </details>`
}

export function failureTable({ arms }: AgentView): Markup | undefined {
  const rows = arms.flatMap((one) => one.failures.map((failure) => failureRow(one, failure)))
  if (rows.length === 0) return undefined
  return html`<h3>Failures</h3>
    <div class="scroll">
      <table class="sortable small">
        <thead>
          <tr>
            ${heading('Arm', 'What was compared', 'text')}${heading('Kind', 'Of the calls that got no reply after all tries', 'text')}
            ${heading('Calls', 'That failed so')}${heading('Of all', 'Share of the arm’s calls')}
            ${heading('Agents', 'With how many', 'text')}${heading('The first one', 'In full in its question’s transcript', 'text')}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, ROWS)}
        </tbody>
      </table>
    </div>`
}

const failureRow = (one: AgentArm, { kind, count, agents, message, question }: FailureTally): Markup =>
  html`<tr data-arm="${one.arm.index}">
    ${armHead(one)}
    <td class="text bad" data-sort="${kind}">${kind}</td>
    <td data-sort="${count}">${whole(count)}</td>
    <td data-sort="${count / one.spent.calls}">${percent(count / one.spent.calls)}</td>
    <td class="text" data-sort="${[...agents.keys()].join(' ')}">
      ${[...agents].map(([agent, of], i) => html`${i > 0 && ', '}${ellipsis(agent, 30)} <span class="soft">${whole(of)}</span>`)}
    </td>
    <td class="text wrapped" data-sort="${message}">
      ${ellipsis(message, 160)} <span class="soft">${ellipsis(question, 40)}</span>
    </td>
  </tr>`

/** Warnings of providers, with how many calls had each. */
export function warningList({ arms }: AgentView): Markup | undefined {
  const all = new Map<string, number>()
  for (const tally of arms.flatMap(({ tallies }) => tallies))
    for (const [warning, count] of tally.warnings) all.set(warning, (all.get(warning) ?? 0) + count)
  if (all.size === 0) return undefined
  return html`<h3>Warnings of providers</h3>
    <ul class="messages">
      ${[...all].slice(0, 40).map(([warning, count]) => html`<li>${ellipsis(warning, 300)} <span class="soft">${whole(count)} calls</span></li>`)}
    </ul>`
}
