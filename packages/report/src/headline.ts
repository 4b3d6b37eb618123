// The paragraph at the top, computed: who is best, by how much, and whether that is more than noise.
import { rank } from '@mixlab/statistics'
import type { Arm } from './arms.ts'
import { decimalsFor, fixed, number, short } from './format.ts'
import { html, type Markup } from './html.ts'
import { deciding, finalTrainingLoss, looksAhead, type MeasuredColumn, validationLoss } from './measures.ts'
import { last, median } from './series.ts'

const list = (names: readonly string[], most = 4): string => {
  const shown = names.length > most ? [...names.slice(0, most), `${names.length - most} more`] : names
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)!}`
}

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

/** One paragraph; nothing is claimed that the data does not hold. */
export function headline(arms: readonly Arm[], columns: readonly MeasuredColumn[]): Markup {
  const sentences = [
    ...(arms.length > 1
      ? comparison(arms, columns)
      : arms[0]
        ? single(arms[0])
        : [html`There is no run with measurements here.`]),
    cheats(arms, columns),
    balance(arms, columns),
    trouble(arms),
  ].filter((sentence) => sentence !== undefined)
  return html`<p class="lead">${sentences.map((sentence) => html`${sentence} `)}</p>`
}

function comparison(arms: readonly Arm[], columns: readonly MeasuredColumn[]): Markup[] {
  const column = deciding(columns)
  const ranking = column?.ranking
  if (!column || !ranking) return [html`${plural(arms.length, 'arm')}, none of which has reported a loss.`]
  const best = arms[ranking.best]!
  const value = column.estimates[ranking.best]!
  const name = column.measure.title.toLowerCase()
  const digits = decimalsFor(value.halfWidth, 3)
  const mean = html`<b>${fixed(value.mean, digits)}</b
    >${Number.isFinite(value.halfWidth) && ` ± ${fixed(value.halfWidth, digits)} (95 % interval over ${value.n} seeds)`}`
  const first = html`<b>${best.label}</b> has the lowest ${name}, ${mean}`
  if (ranking.next === undefined || !ranking.lead) return [html`${first}; no other arm has one.`]
  const next = arms[ranking.next]!
  const gap = Math.abs(ranking.lead.mean)
  const gapDigits = decimalsFor(Number.isFinite(ranking.lead.halfWidth) ? ranking.lead.halfWidth : gap, 3)
  const ahead = html`${first}, ${fixed(gap, gapDigits)} below ${next.label}.`
  if (!Number.isFinite(ranking.lead.halfWidth)) {
    return [
      ahead,
      html`${arms.every((arm) => arm.runs.length === 1) ? 'Every arm has a single seed' : 'Some arms have a single seed'},
      so whether that is more than noise is not known: run several seeds.`,
    ]
  }
  const interval = html`± ${fixed(ranking.lead.halfWidth, gapDigits)}`
  if (ranking.clear)
    return [ahead, html`The 95 % interval of the difference (${interval}) excludes zero: the lead is more than noise.`]
  const tied = arms.filter((_, i) => {
    const other = column.estimates[i]
    return i !== ranking.best && other !== undefined && !looksAhead(arms[i]!) && !separated(column, ranking.best, i)
  })
  if (ranking.lead.clear) return [ahead, html`It is not separated from ${list(tied.map((arm) => arm.label))}.`]
  return [
    ahead,
    html`That is within the noise: the 95 % interval of the difference (${interval}) holds
    zero${tied.length > 1 && ` (as it does for ${list(tied.map((arm) => arm.label))})`}, so these runs do not tell them
    apart.`,
  ]
}

function separated(column: MeasuredColumn, a: number, b: number): boolean {
  const pair = [column.estimates[a], column.estimates[b]]
  return rank(pair, column.measure.better ?? 'lower')?.lead?.clear ?? false
}

function single(arm: Arm): Markup[] {
  const { series, record } = arm.runs[0]!
  const curve = validationLoss(series)
  const end = last(curve)
  if (arm.runs.length > 1) {
    return [html`${plural(arm.runs.length, 'seed')} of one configuration; the table gives means and 95 % intervals.`]
  }
  const steps = html`${short(series.lastStep)} steps`
  if (end === undefined) {
    const training = finalTrainingLoss(series)
    if (training !== undefined)
      return [html`The training loss ended at <b>${fixed(training, 3)}</b> after ${steps}; nothing was validated.`]
    return series.layers.length > 0 || series.evaluations.size > 0
      ? [html`The run ${record.status === 'finished' ? 'finished' : `is ${record.status}`}; it trained nothing.`]
      : [html`The run left no measurements.`]
  }
  const finite = curve.filter((point) => Number.isFinite(point.value))
  const best = finite.reduce((low, point) => (point.value < low.value ? point : low), finite[0]!)
  const speed = median(series.tokensPerSecond.map((point) => point.value))
  return [
    html`After ${steps} the validation loss is <b>${fixed(end, 3)}</b> nats per token (perplexity
      ${fixed(Math.exp(end), 2)}), from ${fixed(finite[0]!.value, 3)} at step ${short(finite[0]!.step)}.`,
    best.value < end - 0.001 * Math.abs(end)
      ? html`It was lowest at step ${short(best.step)}, ${fixed(best.value, 3)}, and has risen since.`
      : html``,
    speed === undefined ? html`` : html`Training ran at ${short(speed)} tokens per second.`,
  ]
}

/** Arms whose loss means nothing because they see what they are to predict. */
function cheats(arms: readonly Arm[], columns: readonly MeasuredColumn[]): Markup | undefined {
  const column = deciding(columns)
  const found = arms.filter(looksAhead)
  if (found.length === 0 || !column) return undefined
  const shown = found.map((arm) => {
    const value = column.estimates[arm.index]
    return value ? `${arm.label} (${fixed(value.mean, 3)})` : arm.label
  })
  return html`<span class="bad"
    >${list(shown)} failed the causality check: ${found.length > 1 ? 'they look' : 'it looks'} ahead, so the loss cannot
    be compared and is not ranked.</span
  >`
}

/** Who is least and most even, where there are arms with routing. */
function balance(arms: readonly Arm[], columns: readonly MeasuredColumn[]): Markup | undefined {
  const column = columns.find(({ measure }) => measure.id === 'max-violation')
  if (!column) return undefined
  const known = arms
    .flatMap((arm, i) => (column.estimates[i] ? [{ arm, value: column.estimates[i].mean }] : []))
    .toSorted((a, b) => b.value - a.value)
  const [worst] = known
  if (!worst) return undefined
  const most = html`${number(Number((1 + worst.value).toPrecision(2)))} × its fair share`
  if (known.length === 1 || arms.length === 1)
    return html`At the end the busiest member of a layer receives ${most} (mean over layers).`
  const calm = known.at(-1)!
  return html`The load is least even under ${worst.arm.label}, where the busiest member of a layer receives ${most}, and
  most even under ${calm.arm.label} (${number(Number((1 + calm.value).toPrecision(2)))} ×).`
}

function trouble(arms: readonly Arm[]): Markup | undefined {
  const runs = arms.flatMap((arm) => arm.runs)
  const failed = runs.filter((run) => run.record.status === 'failed').length
  const stopped = runs.filter((run) => run.record.status === 'interrupted' || run.record.status === 'running').length
  const diverged = runs.filter((run) => run.series.loss.some((point) => !Number.isFinite(point.value))).length
  const parts = [
    failed > 0 && `${failed} failed`,
    stopped > 0 && `${stopped} did not finish`,
    diverged > 0 && `${diverged} had a loss that is not a number`,
  ].filter((part) => part !== false)
  if (parts.length === 0) return undefined
  return html`<span class="bad">Of ${plural(runs.length, 'run')}, ${list(parts)}.</span>`
}
