// Scores by grader, where answers had several, and by group of questions (a subject, a source).
import type { Grade } from '@mixlab/agents'
import { ellipsis, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { heading, rangeText, scoreText } from './comparison.ts'
import { scoreInterval, type Scored } from './intervals.ts'
import type { AgentArm, AgentView } from './view.ts'

const ARMS = 12
const ROWS = 80

const isBinary = (scores: readonly Scored[]): boolean => scores.every(({ score }) => score === 0 || score === 1)

const scoreCell = (scores: readonly Scored[], binary: boolean): Markup => {
  const interval = scoreInterval(scores)
  if (!interval) return html`<td class="none">–</td>`
  return html`<td data-sort="${interval.mean}" title="${whole(interval.n)} questions">
    ${scoreText(interval.mean, binary)}<span class="pm">${rangeText(interval, binary)}</span>
  </td>`
}

function table(
  title: string,
  first: Markup,
  arms: readonly AgentArm[],
  rows: readonly { readonly name: string; readonly scores: readonly (readonly Scored[])[] }[],
): Markup {
  return html`<details>
    <summary>${title} <span class="soft">${rows.length}</span></summary>
    <div class="scroll">
      <table class="sortable small">
        <thead>
          <tr>
            ${first}${arms.map(({ arm }) => heading(ellipsis(arm.label, 28), `${arm.label}, with its 95 % interval`))}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, ROWS).map(({ name, scores }) => {
            const binary = scores.every(isBinary)
            return html`<tr>
              <th scope="row" data-sort="${name}">${ellipsis(name, 60)}</th>
              ${scores.map((one) => scoreCell(one, binary))}
            </tr>`
          })}
        </tbody>
      </table>
    </div>
    ${rows.length > ROWS && html`<p class="soft">The first ${ROWS} of ${rows.length}.</p>`}
  </details>`
}

/** Each question's mean over the arm's runs. */
function scoresBy({ tallies }: AgentArm, grader: string): Scored[] {
  const grades = new Map<string, { readonly group?: string; readonly given: Grade[] }>()
  for (const { question, group, grades: all } of tallies.flatMap((tally) => [...tally.grades.values()])) {
    const grade = all[grader]
    if (!grade) continue
    const known = grades.get(question)
    if (known) known.given.push(grade)
    else grades.set(question, { given: [grade], ...(group !== undefined && { group }) })
  }
  return [...grades].map(([id, { given, group }]) => ({
    id,
    score: given.reduce((sum, { score }) => sum + score, 0) / given.length,
    ...(group !== undefined && { group }),
  }))
}

/** Nothing with one grader: the comparison has it. */
export function graderTable({ arms }: AgentView): Markup | undefined {
  const names = new Set(
    arms.flatMap(({ tallies }) =>
      tallies.flatMap(({ grades }) => [...grades.values()].flatMap((line) => Object.keys(line.grades))),
    ),
  )
  if (names.size < 2) return undefined
  const shown = arms.slice(0, ARMS)
  const rows = [...names].map((name) => ({ name, scores: shown.map((one) => scoresBy(one, name)) }))
  return table('By grader', heading('Grader', 'The first one is the comparison’s', 'text'), shown, rows)
}

/** Nothing where no question has a group. */
export function groupTable({ arms }: AgentView): Markup | undefined {
  const shown = arms.slice(0, ARMS)
  const groups = new Set(shown.flatMap(({ scores }) => scores.flatMap(({ group }) => group ?? [])))
  if (groups.size < 2) return undefined
  const rows = [...groups]
    .toSorted((a, b) => a.localeCompare(b, undefined, { numeric: true }))
    .map((name) => ({
      name,
      // Within a group its questions are the sample.
      scores: shown.map(({ scores }) =>
        scores.filter(({ group }) => group === name).map(({ id, score }) => ({ id, score })),
      ),
    }))
  return table('By group', heading('Group', 'Of the questions', 'text'), shown, rows)
}
