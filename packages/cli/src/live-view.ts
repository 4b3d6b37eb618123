// What a run looks like while it runs. On a terminal one line that is redrawn in place, with notes and warnings above it;
// elsewhere (a file, CI) a plain line now and then. It only draws what events say, and skips those it has no time for.
import { styleText } from 'node:util'
import type { EventOf, RunEvent } from '@mixlab/core'
import type { EventSink } from '@mixlab/lab'
import { duration, number, short } from './text.ts'

export interface ViewTarget {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

const REDRAW_MS = 100
const PLAIN_MS = 10_000
const BLOCKS = '▁▂▃▄▅▆▇█'

/** Loads as bars: half height is a fair share, full height twice that or more. */
export const loadBars = (load: readonly number[]): string =>
  load
    .map((share) => BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(share * load.length * (BLOCKS.length / 2)))])
    .join('')

interface Child {
  readonly name: string
  readonly index: number
  readonly total?: number
  readonly since: number
}

/** What is known of the run that is training now. */
interface Progress {
  steps: number
  step?: EventOf<'train.step'>
  validation?: number
  /** The latest routing of each mixture layer. */
  routing: Map<number, EventOf<'mixture.routing'>>
  answers?: AnswerProgress
}

/** What is known of the questions that are being answered now. */
interface AnswerProgress {
  last: EventOf<'question.answered'>
  /** By the first grader. */
  score: number
  graded: number
  missing: number
  money: number
}

function nextAnswer(before: AnswerProgress | undefined, last: EventOf<'question.answered'>): AnswerProgress {
  const { score = 0, graded = 0, missing = 0, money = 0 } = before ?? {}
  return {
    last,
    score: score + (last.score ?? 0),
    graded: graded + (last.score === undefined ? 0 : 1),
    missing: missing + last.missing,
    money: money + (last.cost.billed ?? 0),
  }
}

/** How many questions, how well, what is missing, what it cost. */
function answerTexts({ last, score, graded, missing, money }: AnswerProgress): string[] {
  return [
    `question ${last.done}/${last.total}`,
    graded === 0 ? '' : `score ${number(score / graded)}`,
    missing === 0 ? '' : `${missing} missing`,
    money === 0 ? '' : `${number(money)} ${last.cost.currency ?? ''}`.trim(),
  ]
}

const nothing = (): Progress => ({ steps: 0, routing: new Map() })

/** Mean over the layers that have as many members as the first. */
function meanLoad(routing: Progress['routing']): { load: number[]; entropy: number } | undefined {
  const [first] = routing.values()
  if (!first) return undefined
  const layers = [...routing.values()].filter(({ load }) => load.length === first.load.length)
  const mean = (values: readonly number[]) => values.reduce((sum, share) => sum + share, 0) / values.length
  return {
    load: first.load.map((_, member) => mean(layers.map(({ load }) => load[member] ?? 0))),
    entropy: mean(layers.map((layer) => layer.entropy)),
  }
}

/** The text of the status line: which child, step, loss, speed, time left, load; a narrow terminal cuts the end. */
function statusLine(child: Child | undefined, progress: Progress, secondsLeft: number | undefined): string {
  const { steps, step, validation, routing, answers } = progress
  const loads = meanLoad(routing)
  const total = child?.total === undefined ? '' : `/${child.total}`
  return [
    child ? `${child.index + 1}${total} ${child.name}` : '',
    step ? `step ${step.step}${steps > 0 ? `/${steps}` : ''}` : '',
    step ? `loss ${number(step.loss)}` : '',
    validation === undefined ? '' : `val ${number(validation)}`,
    step?.timing ? `${short(step.timing.tokensPerSecond)} tok/s` : '',
    ...(answers ? answerTexts(answers) : []),
    secondsLeft === undefined ? '' : `${duration(secondsLeft)} left`,
    loads && loads.load.length <= 32 ? `load ${loadBars(loads.load)}` : '',
    loads ? `entropy ${loads.entropy.toFixed(2)}` : '',
  ]
    .filter(Boolean)
    .join('  ')
}

/** A sink that draws a run, its children included. @param now milliseconds, for tests */
export function liveView(target: ViewTarget, now: () => number = () => performance.now()): EventSink {
  const live = target.isTTY === true
  let child: Child | undefined
  let progress = nothing()
  let lastDrawn = Number.NEGATIVE_INFINITY
  let drawn = false
  let lastShown: RunEvent | undefined
  const durations: number[] = []

  /** Of this training and of the children still to come, as long as those so far (or as this one). */
  function secondsLeft(): number | undefined {
    const here = progress.answers?.last.timing?.secondsLeft ?? progress.step?.timing?.secondsLeft
    if (here === undefined || child?.total === undefined) return here
    const spent = (now() - child.since) / 1000
    const each = durations.length > 0 ? durations.reduce((sum, each) => sum + each, 0) / durations.length : spent + here
    return here + (child.total - child.index - 1) * each
  }

  function clear(): void {
    if (drawn) target.write('\r\u001B[2K')
    drawn = false
  }

  function line(text: string): void {
    clear()
    target.write(`${text}\n`)
  }

  function draw(force = false): void {
    if (!force && now() - lastDrawn < (live ? REDRAW_MS : PLAIN_MS)) return
    const latest = progress.answers?.last ?? progress.step
    if (!live && latest === lastShown) return
    const text = statusLine(child, progress, secondsLeft())
    if (text === '') return
    lastShown = latest
    lastDrawn = now()
    if (!live) return line(text)
    target.write(
      `\r\u001B[2K${Array.from(text)
        .slice(0, (target.columns ?? 80) - 1)
        .join('')}`,
    )
    drawn = true
  }

  function finishChild(status: string): void {
    if (!child) return
    durations.push((now() - child.since) / 1000)
    const { step, validation, answers } = progress
    const outcome = answers
      ? answerTexts(answers).slice(1).filter(Boolean).join('  ')
      : validation !== undefined
        ? `val ${number(validation)}`
        : step
          ? `loss ${number(step.loss)}`
          : ''
    const mark = status === 'finished' ? styleText('green', '✓') : styleText('yellow', status)
    const total = child.total === undefined ? '' : `/${child.total}`
    line(
      [mark, `${child.index + 1}${total} ${child.name}`, outcome, duration(durations.at(-1) ?? 0)]
        .filter(Boolean)
        .join('  '),
    )
    child = undefined
    progress = nothing()
  }

  function take(event: RunEvent): void {
    switch (event.type) {
      case 'child.started':
        child = {
          name: event.name,
          index: event.index,
          since: now(),
          ...(event.total !== undefined && { total: event.total }),
        }
        progress = nothing()
        if (!live) line(`${event.index + 1}${event.total === undefined ? '' : `/${event.total}`} ${event.name}`)
        break
      case 'child.finished':
        finishChild(event.status)
        break
      case 'train.started':
        progress = { ...nothing(), steps: event.steps }
        break
      case 'train.step':
        progress.step = event
        break
      case 'questions.started':
        progress = nothing()
        break
      case 'question.answered':
        progress.answers = nextAnswer(progress.answers, event)
        break
      case 'mixture.routing':
        progress.routing.set(event.layer, event)
        break
      case 'eval.result': {
        const loss = event.metrics['loss']
        if (event.evaluator === 'validation' && loss !== undefined) progress.validation = loss
        break
      }
      case 'note':
        line(event.message)
        break
      case 'warning':
        line(`${styleText('yellow', 'warning')} ${event.message}`)
        break
      case 'subscriber.failed':
        line(`${styleText('yellow', 'warning')} ${event.subscriber}: ${event.message}`)
        break
      default:
    }
  }

  return {
    name: 'live view',
    children: true,
    write(events) {
      for (const event of events) take(event)
      draw()
    },
    close() {
      if (!live) draw(true)
      clear()
    },
  }
}
