// A topology as it ran: layers are columns, steps are boxes with what they took, lines say who saw what. Steps that do the
// same (one kind, the same agents, the same inputs) become one box where a column would have too many.
import { ellipsis, short, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { time } from './comparison.ts'
import { noSpending, addSpending, moneyText, tokensOf, type Spent } from './money.ts'
import type { StepTally } from './tally.ts'
import { type AgentArm, percentiles } from './view.ts'

const BOX = { width: 196, height: 76 } as const
const GAP = { across: 74, down: 14 } as const
const COLUMN = 8
const TEXT = 28

interface Box {
  readonly ids: readonly string[]
  readonly kind: string
  readonly layer: number
  readonly agents: readonly string[]
  readonly saw: ReadonlySet<string>
  readonly spent: Spent
  readonly durations: readonly number[]
  readonly failed: number
  readonly missing: number
  readonly skipped: number
  readonly graded: number
  readonly right: number
  readonly answers: number
}

const boxOf = (steps: readonly StepTally[], agentsOf: (step: StepTally) => readonly string[]): Box => {
  const spent = noSpending()
  for (const step of steps) addSpending(spent, step.spent)
  const sum = (key: 'failed' | 'missing' | 'skipped' | 'graded' | 'right' | 'answers'): number =>
    steps.reduce((total, step) => total + step[key], 0)
  return {
    ids: steps.map(({ id }) => id),
    kind: steps[0]!.kind,
    layer: steps[0]!.layer,
    agents: [...new Set(steps.flatMap(agentsOf))],
    saw: new Set(steps.flatMap(({ saw }) => [...saw])),
    spent,
    durations: steps.flatMap(({ durations }) => durations),
    failed: sum('failed'),
    missing: sum('missing'),
    skipped: sum('skipped'),
    graded: sum('graded'),
    right: sum('right'),
    answers: sum('answers'),
  }
}

/** Boxes of each layer, in order. */
function columnsOf({ steps, topology }: AgentArm): Box[][] {
  const planned = new Map(topology?.steps.map((step) => [step.id, step.agents]))
  const agentsOf = (step: StepTally): readonly string[] =>
    step.agents.size > 0 ? [...step.agents] : (planned.get(step.id) ?? [])
  const same = (step: StepTally): string => JSON.stringify([step.kind, agentsOf(step), [...step.saw].toSorted()])
  return [...Map.groupBy(steps, ({ layer }) => layer).values()].map((layer) => {
    if (layer.length <= COLUMN) return layer.map((step) => boxOf([step], agentsOf))
    const grouped = [...Map.groupBy(layer, same).values()]
    const shown =
      grouped.length <= COLUMN ? grouped : [...grouped.slice(0, COLUMN - 1), grouped.slice(COLUMN - 1).flat()]
    return shown.map((group) => boxOf(group, agentsOf))
  })
}

/** `layer-1/proposer-2`, or `40 × layer-1/proposer`. */
const titleOf = ({ ids }: Box): string =>
  ids.length === 1 ? ids[0]! : `${ids.length} × ${ids[0]!.replace(/[-/]?\d+$/, '')}`

const agentsText = ({ agents, kind }: Box): string =>
  agents.length === 0 ? kind : `${kind} · ${agents.length > 2 ? `${agents.length} agents` : agents.join(', ')}`

function callsText({ spent, durations }: Box): string {
  if (spent.calls === 0) return 'no calls'
  const middle = percentiles(durations)
  const tokens = short(Math.round(tokensOf(spent) / spent.calls))
  return `${whole(spent.calls)} calls · ${tokens} tok${middle ? ` · ${time(middle.p50)}` : ''}`
}

const outcomeText = ({ graded, right }: Box): string =>
  graded > 0 ? `${Math.round((100 * right) / graded)}\u202f% right` : ''

const lossText = ({ failed, missing, skipped }: Box): string =>
  [
    missing > 0 && `${whole(missing)} missing`,
    failed > 0 && missing === 0 && `${whole(failed)} failed`,
    skipped > 0 && `${whole(skipped)} skipped`,
  ]
    .filter((part) => part !== false)
    .join(', ')

function explain(box: Box): string {
  return [
    titleOf(box),
    `${box.kind}, layer ${box.layer}${box.agents.length > 0 ? `, ${box.agents.slice(0, 12).join(', ')}` : ''}`,
    `${whole(box.spent.calls)} calls, ${whole(box.spent.inputTokens)} tokens in, ${whole(box.spent.outputTokens)} out`,
    `cost ${moneyText(box.spent.logical)}, billed ${moneyText(box.spent.billed)}`,
    `${whole(box.answers)} answers, ${whole(box.missing)} missing, ${whole(box.failed)} failed calls, ${whole(box.skipped)} skipped`,
  ].join('\n')
}

/** At most twelve columns are drawn side by side; the page scrolls. */
export function layerDiagram(one: AgentArm): Markup {
  const columns = columnsOf(one)
  const most = Math.max(...columns.map((column) => column.length))
  const height = 30 + most * (BOX.height + GAP.down)
  const width = columns.length * (BOX.width + GAP.across) - GAP.across + 4
  const tokens = Math.max(1, ...columns.flat().map(({ spent }) => tokensOf(spent)))
  const placed = columns.flatMap((column, c) => {
    const top = 30 + ((most - column.length) * (BOX.height + GAP.down)) / 2
    return column.map((box, i) => ({ box, x: 2 + c * (BOX.width + GAP.across), y: top + i * (BOX.height + GAP.down) }))
  })
  const at = new Map(placed.flatMap((place, i) => place.box.ids.map((id) => [id, { ...place, i }])))
  const edges = placed.flatMap(({ box, x, y }, to) =>
    [...new Set([...box.saw].flatMap((id) => at.get(id)?.i ?? []))].map((from) => {
      const start = placed[from]!
      const [x1, y1] = [start.x + BOX.width, start.y + BOX.height / 2]
      const [x2, y2] = [x, y + BOX.height / 2]
      // A step of a later column than the next passes below the boxes between.
      const bend = Math.max(30, (x2 - x1) / 2)
      return html`<path
        class="edge"
        data-from="${from}"
        data-to="${to}"
        d="M${x1},${y1}C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}"
      />`
    }),
  )
  const name = `${one.arm.label}: ${columns.map((column) => `${column.reduce((sum, box) => sum + box.ids.length, 0)} steps`).join(', then ')}`
  return html`<div class="scroll">
    <svg
      class="plot layers"
      viewBox="0 0 ${width} ${height}"
      style="width:${width}px;max-width:none"
      role="img"
      aria-label="${name}"
    >
      ${columns.map(
        (column, c) =>
          html`<text class="column" x="${2 + c * (BOX.width + GAP.across)}" y="14">Layer ${column[0]!.layer}</text>`,
      )}
      <g>${edges}</g>
      ${placed.map(({ box, x, y }, i) => {
        const loss = lossText(box)
        const bar = (BOX.width - 20) * (tokensOf(box.spent) / tokens)
        return html`<g class="box" data-box="${i}" transform="translate(${x},${y})">
          <title>${explain(box)}</title>
          <rect width="${BOX.width}" height="${BOX.height}" rx="7" />
          <text class="name" x="10" y="19">${ellipsis(titleOf(box), TEXT)}</text>
          <text x="10" y="35">${ellipsis(agentsText(box), TEXT + 4)}</text>
          <text x="10" y="51">${ellipsis(callsText(box), TEXT + 4)}</text>
          <text x="10" y="66">
            ${outcomeText(box)}${loss !== '' && html`<tspan class="loss" dx="${outcomeText(box) === '' ? 0 : 8}">${ellipsis(loss, 22)}</tspan>`}
          </text>
          <rect class="bar" x="10" y="${BOX.height - 5}" width="${bar.toFixed(1)}" height="2.5" rx="1" />
        </g>`
      })}
    </svg>
  </div>`
}
