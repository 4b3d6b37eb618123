// What a sweep looks like while it runs. On a terminal a small table that is redrawn in place: the best point, what runs and
// how far it is, counts, time left; elsewhere a line for each trial that ends.
import { styleText } from 'node:util'
import type { SweepConfig, SweepProgress } from '@mixlab/sweeps'
import type { EventSink } from '@mixlab/lab'
import type { ViewTarget } from './live-view.ts'
import { duration, number, value } from './text.ts'

const REDRAW_MS = 200

/** `router top-k  learningRate 0.003`: the last part of each name is enough for a line. */
export const pointText = (parameters: Readonly<Record<string, unknown>>): string =>
  Object.entries(parameters)
    .map(([name, given]) => `${name.split('.').at(-1)} ${value(given)}`)
    .join('  ')

export interface SweepView {
  readonly sink: EventSink
  show(progress: SweepProgress): void
}

/** Draws a sweep. @param now milliseconds, for tests */
export function sweepView(
  target: ViewTarget,
  sweep: Pick<SweepConfig, 'objectives'>,
  now: () => number = () => performance.now(),
): SweepView {
  const live = target.isTTY === true
  const objective = sweep.objectives.map(({ metric }) => metric).join(', ')
  let drawn = 0
  let lastDrawn = Number.NEGATIVE_INFINITY
  let latest: SweepProgress | undefined

  function clear(): void {
    if (drawn > 0) target.write(`\u001B[${drawn}A\u001B[0J`)
    drawn = 0
  }

  function line(text: string): void {
    clear()
    target.write(`${text}\n`)
    draw(true)
  }

  function lines({ total, complete, pruned, failed, running, best, secondsLeft }: SweepProgress): string[] {
    const ended = complete + pruned + failed
    const counts = [
      `${ended}/${total} trials`,
      running.length > 0 ? `${running.length} running` : '',
      pruned > 0 ? `${pruned} stopped` : '',
      failed > 0 ? styleText('red', `${failed} failed`) : '',
      secondsLeft === undefined || ended === total ? '' : `${duration(secondsLeft)} left`,
    ]
    return [
      counts.filter(Boolean).join('  '),
      best
        ? `${styleText('green', 'best')} ${objective} ${number(best.value)}  trial ${best.number}  ${pointText(best.parameters)}`
        : '',
      ...running.map(({ number: trial, parameters, step, value: reported }) =>
        [
          `  trial ${trial}`,
          step === undefined ? 'starting' : `step ${step}`,
          reported === undefined ? '' : number(reported),
          styleText('dim', pointText(parameters)),
        ]
          .filter(Boolean)
          .join('  '),
      ),
    ].filter(Boolean)
  }

  function draw(force = false): void {
    if (!live || !latest || (!force && now() - lastDrawn < REDRAW_MS)) return
    clear()
    lastDrawn = now()
    const width = (target.columns ?? 80) - 1
    const text = lines(latest).map((each) => cut(each, width))
    target.write(text.map((each) => `${each}\n`).join(''))
    drawn = text.length
  }

  return {
    sink: {
      name: 'sweep view',
      write(events) {
        for (const event of events) {
          if (event.type === 'trial.finished') {
            const mark = { complete: styleText('green', '✓'), pruned: '–', failed: styleText('red', '✗') }[event.state]
            const outcome =
              event.reason ?? (event.state === 'pruned' ? 'stopped' : (event.values ?? []).map(number).join(', '))
            line(`${mark} trial ${event.trial}  ${outcome}  ${styleText('dim', pointText(event.parameters))}`)
          } else if (event.type === 'note') line(event.message)
          else if (event.type === 'warning') line(`${styleText('yellow', 'warning')} ${event.message}`)
          else if (event.type === 'subscriber.failed')
            line(`${styleText('yellow', 'warning')} ${event.subscriber}: ${event.message}`)
        }
      },
      close: clear,
    },
    show(progress) {
      latest = progress
      draw()
    },
  }
}

/** The first `width` characters that are seen, whatever colours are between them. */
function cut(text: string, width: number): string {
  let seen = 0
  // oxlint-disable-next-line no-control-regex -- colours
  return text.replaceAll(/\u001B\[[\d;]*m|[^\u001B]/gu, (part) =>
    part.startsWith('\u001B') || seen++ < width ? part : '',
  )
}
