// One question of one run as Markdown: who was asked, who saw what, what was sent and what came back, word for word. Texts
// stand in fences longer than any run of backticks in them, so that nothing in a text ends its block or is taken for markup.
import type { CallSummary, Cost, Grade, QuestionGrades, QuestionResult, StepResult } from '@mixlab/agents'
import { stepGrades } from '../marks.ts'

const fenced = (text: string): string => {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(Math.max(3, longest + 1))
  return `${fence}text\n${text}\n${fence}`
}

/** Names and short texts in running text: nothing in them is markup. */
const inline = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>#|]/g, String.raw`\$&`)

const seconds = (milliseconds: number): string => `${Number((milliseconds / 1000).toPrecision(3))} s`

function moneyOf({ billed, logical, currency = 'USD', inputTokens, outputTokens }: Cost): string {
  if (billed === undefined && logical === undefined) return inputTokens + outputTokens > 0 ? 'price unknown' : 'no cost'
  const [paid, whole] = [billed ?? logical!, logical ?? billed!]
  const text = `${Number(whole.toPrecision(4))} ${currency}`
  return Math.abs(paid - whole) < 1e-12 ? text : `${text} (billed ${Number(paid.toPrecision(4))})`
}

const tokensOf = ({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens, estimated }: Cost): string =>
  `${inputTokens} tokens in${cachedInputTokens > 0 ? ` (${cachedInputTokens} cached)` : ''}, ${outputTokens} out${reasoningTokens > 0 ? ` (${reasoningTokens} reasoning)` : ''}${estimated ? ', estimated' : ''}`

function usage({ cost, timing, attempts, finishReason, sample, key }: CallSummary): string {
  const first = timing.firstTokenMs === undefined ? '' : `, first piece after ${seconds(timing.firstTokenMs)}`
  const parts = [
    tokensOf(cost),
    moneyOf(cost),
    `${seconds(timing.durationMs)}${first}`,
    timing.queuedMs > 50 && `queued ${seconds(timing.queuedMs)}`,
    attempts !== 1 && `${attempts} tries`,
    finishReason !== undefined && finishReason !== 'stop' && `ended by ${finishReason}`,
    sample > 0 && `sample ${sample}`,
    `key ${inline(key)}`,
  ]
  return parts.filter((part) => part !== false).join(' · ')
}

function verdict(grade: Grade | undefined): string {
  if (!grade) return ''
  const found = grade.unparseable === true ? 'unparseable' : grade.parsed === undefined ? '' : inline(grade.parsed)
  const score = grade.score === 0 || grade.score === 1 ? '' : `score ${Number(grade.score.toPrecision(4))}`
  return [grade.correct ? '✓ right' : '✗ wrong', found, score].filter((part) => part !== '').join(', ')
}

function callText(call: CallSummary, answers: StepResult['answers']): string[] {
  const { id, agent, messages, text, failure, warnings } = call
  return [
    `#### Call ${inline(id)} to ${inline(agent)}`,
    usage(call),
    ...messages.flatMap(({ role, content }) => [`Sent, ${role}:`, fenced(content)]),
    ...(failure ? [`**Failed, ${failure.kind}:** ${inline(failure.message)}`] : []),
    ...(text === undefined
      ? []
      : [answers.some((answer) => answer.call === id) ? 'Reply, given on as its answer:' : 'Reply:', fenced(text)]),
    ...warnings.map((warning) => `Warning: ${inline(warning)}`),
  ]
}

function stepText(step: StepResult, calls: readonly CallSummary[], grades: readonly Grade[]): string[] {
  const ids = new Set(calls.map(({ id }) => id))
  return [
    `### ${inline(step.id)} (${step.kind})`,
    ...(step.saw.length > 0 ? [`Saw: ${step.saw.map(inline).join(', ')}`] : []),
    ...(step.skipped === undefined ? [] : [`Not called: ${inline(step.skipped)}`]),
    ...(step.decision ? ['Decision:', fenced(JSON.stringify(step.decision, null, 2))] : []),
    ...step.answers.flatMap((answer, i) => {
      const about = [
        `Answer of ${inline(answer.agent)}`,
        ...(answer.score === undefined ? [] : [`valued ${Number(answer.score.toPrecision(4))}`]),
        verdict(grades[i]),
      ].filter((part) => part !== '')
      const made = answer.call !== undefined && ids.has(answer.call)
      const where = made ? 'below' : answer.call === undefined ? '' : `of call ${inline(answer.call)}`
      return [
        `${about.join(', ')}${where === '' ? ':' : ` (${where})`}`,
        ...(where === '' ? [fenced(answer.text)] : []),
      ]
    }),
    ...(step.missing ?? []).map(
      ({ agent, kind, message }) => `**Missing: ${inline(agent)}, ${kind}:** ${inline(message)}`,
    ),
    ...calls.flatMap((call) => callText(call, step.answers)),
  ]
}

export interface TranscriptOptions {
  /** Of the arm, for the heading. */
  readonly name?: string
  readonly grades?: QuestionGrades | undefined
}

/** A whole transcript, ending in a line break. */
export function transcriptMarkdown(result: QuestionResult, { name, grades }: TranscriptOptions = {}): string {
  const calls = Map.groupBy(result.calls, ({ step }) => step)
  const layers = [...Map.groupBy(result.steps, ({ layer }) => layer)].toSorted(([a], [b]) => a - b)
  const { criticalPathMs, firstTokenMs } = result.timing
  const blocks = [
    `# ${inline(result.question)}${name === undefined ? '' : `, ${inline(name)}`}`,
    ...(grades ? ['Question:', fenced(grades.text)] : []),
    ...(grades?.reference === undefined ? [] : [`Reference: ${inline(grades.reference)}`]),
    ...(grades?.group === undefined ? [] : [`Group: ${inline(grades.group)}`]),
    ...(result.answer === null
      ? [`**No answer:** ${inline(result.failure ?? 'no reason was kept')}`]
      : ['Answer:', fenced(result.answer)]),
    ...Object.entries(grades?.grades ?? {}).map(([grader, grade]) => `Grade by ${inline(grader)}: ${verdict(grade)}`),
    [
      `${result.calls.length} calls`,
      tokensOf(result.cost),
      moneyOf(result.cost),
      `critical path ${seconds(criticalPathMs)}${firstTokenMs === undefined ? '' : `, first piece after ${seconds(firstTokenMs)}`}`,
    ].join(' · '),
    ...layers.flatMap(([layer, steps]) => [
      `## Layer ${layer}`,
      ...steps.flatMap((step) => stepText(step, calls.get(step.id) ?? [], stepGrades(grades, step.id))),
    ]),
  ]
  return `${blocks.join('\n\n')}\n`
}
