// A topology as SVG: layers are columns from left to right, each step a box with its agent, each line an answer that is seen
// (dashed where it is only waited for). It stands by itself, in a page or in a file, light or dark as the reader's system is.
// Lines run from the right side of a box to the left side of another, behind all boxes; no text is outside its box.
import { agentCounts, type Drawable, type DrawnStep, roleOf, titleOf } from './draw-groups.ts'

export interface DrawSvgOptions {
  /** A third line in a step's box, e.g. what it cost. */
  readonly note?: (step: string) => string | undefined
  /** More than so many steps of one role in a layer are drawn as one box. Default 12. */
  readonly most?: number
}

interface Box {
  readonly ids: readonly string[]
  readonly kind: string
  readonly column: number
  readonly title: string
  readonly agents: string
  readonly note: string | undefined
  readonly from: readonly string[]
  readonly gates: readonly string[]
}

const WIDTH = 164
const GAP = { column: 72, row: 14 }
const PADDING = 20
const HEADING = 28
/** Characters of 12 and 11 pixels that surely fit into a box. */
const FIT = { title: 19, line: 21 }

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)

const boxOf = (steps: readonly DrawnStep[], column: number, note: string | undefined): Box => {
  const [first] = steps
  const gates = new Set(steps.flatMap((step) => step.gates ?? []))
  return {
    ids: steps.map(({ id }) => id),
    kind: first!.kind,
    column,
    title: steps.length === 1 ? titleOf(first!) : `${roleOf(first!)} ×${steps.length}`,
    agents: agentCounts(steps).join(', '),
    note,
    from: [...new Set(steps.flatMap(({ from }) => from))].filter((id) => !gates.has(id)),
    gates: [...gates],
  }
}

/** Columns of boxes, the question's first. */
function columnsOf({ steps }: Drawable, { note, most = 12 }: DrawSvgOptions): Box[][] {
  const layers = [...new Set(steps.map(({ layer }) => layer))].toSorted((a, b) => a - b)
  return layers.map((layer, index) => {
    const there = steps.filter((step) => step.layer === layer)
    return [...new Set(there.map(roleOf))].flatMap((role) => {
      const peers = there.filter((step) => roleOf(step) === role)
      return peers.length > most
        ? [boxOf(peers, index + 1, undefined)]
        : peers.map((step) => boxOf([step], index + 1, note?.(step.id)))
    })
  })
}

const style = `
.mixlab-topology { --ground: #ffffff; --box: #f6f7f9; --edge: #c3c9d2; --text: #1c2430; --soft: #5c6675; --line: #8a94a3; --propose: #2f6fd0; --merge: #8a3fc0; --choose: #b8660b; --review: #0b8571; }
@media (prefers-color-scheme: dark) { .mixlab-topology { --ground: #14181f; --box: #1e242d; --edge: #3a4350; --text: #e8ecf2; --soft: #a2adbb; --line: #6d7886; --propose: #7fb0ff; --merge: #cf9bf5; --choose: #f0b26b; --review: #5fd3bd; } }
.mixlab-topology text { font: 12px system-ui, sans-serif; fill: var(--text); }
.mixlab-topology .soft { font-size: 11px; fill: var(--soft); }
.mixlab-topology rect.box { fill: var(--box); stroke: var(--edge); }
.mixlab-topology rect.answer { stroke: var(--text); stroke-width: 1.6; }
.mixlab-topology path { fill: none; stroke: var(--line); stroke-opacity: .55; }
.mixlab-topology path.gate { stroke-dasharray: 3 4; }
`

/** The colours' names by what a step does. */
const tone = (kind: string): string => {
  if (['propose', 'debate', 'chain', 'route', 'cascade'].includes(kind)) return 'propose'
  if (['aggregate', 'residual'].includes(kind)) return 'merge'
  return ['critique', 'refine'].includes(kind) ? 'review' : 'choose'
}

/** An SVG document; text that does not fit is cut, and whole in a tooltip. */
export function drawSvg(topology: Drawable, options: DrawSvgOptions = {}): string {
  const columns = columnsOf(topology, options)
  const height = options.note === undefined ? 44 : 60
  const rows = Math.max(...columns.map((column) => column.length))
  const inner = rows * (height + GAP.row) - GAP.row
  const question: Box = {
    ids: [],
    kind: 'question',
    column: 0,
    title: 'question',
    agents: '',
    note: undefined,
    from: [],
    gates: [],
  }
  const all = [[question], ...columns]
  const left = (column: number) => PADDING + (column === 0 ? 0 : 84 + GAP.column + (column - 1) * (WIDTH + GAP.column))
  const wide = (column: number) => (column === 0 ? 84 : WIDTH)
  const places = new Map<Box, { readonly x: number; readonly y: number }>()
  for (const [column, boxes] of all.entries()) {
    const own = boxes.length * (height + GAP.row) - GAP.row
    for (const [row, box] of boxes.entries())
      places.set(box, { x: left(column), y: PADDING + HEADING + (inner - own) / 2 + row * (height + GAP.row) })
  }
  const boxOfStep = new Map(all.flat().flatMap((box) => box.ids.map((id) => [id, box] as const)))
  const line = (from: Box, to: Box, gate: boolean): string => {
    const [a, b] = [places.get(from)!, places.get(to)!]
    const [x1, y1, x2, y2] = [a.x + wide(from.column), a.y + height / 2, b.x, b.y + height / 2]
    const bend = GAP.column * 0.55
    // A line over several columns goes through the gaps between rows, not behind boxes of its own height.
    const far = to.column - from.column > 1
    const lane = Math.min(y1, y2) - height / 2 - GAP.row / 2
    const path = far
      ? `M${x1} ${y1}C${x1 + bend} ${y1} ${x1 + bend / 2} ${lane} ${x1 + GAP.column} ${lane}H${x2 - GAP.column}C${x2 - bend / 2} ${lane} ${x2 - bend} ${y2} ${x2} ${y2}`
      : `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
    return `<path d="${path}"${gate ? ' class="gate"' : ''}/>`
  }
  const between = (ids: readonly string[], to: Box, gate: boolean) =>
    [...new Set(ids.map((id) => boxOfStep.get(id)!))].map((from) => line(from, to, gate))
  const lines = all
    .flat()
    .flatMap((box) => [
      ...(box.from.length + box.gates.length === 0 && box !== question ? [line(question, box, false)] : []),
      ...between(box.from, box, false),
      ...between(box.gates, box, true),
    ])
  const drawn = all.flat().map((box) => {
    const { x, y } = places.get(box)!
    const whole = [box.title, box.agents, box.kind, box.note].filter(Boolean).join('\n')
    if (box === question)
      return `<g><rect class="box" x="${x}" y="${y}" width="84" height="${height}" rx="${height / 2}"/><text x="${x + 42}" y="${y + height / 2 + 4}" text-anchor="middle">question</text></g>`
    const answer = box.ids.includes(topology.output)
    const texts = [
      `<text x="${x + 14}" y="${y + 18}">${escaped(cut(box.title, FIT.title))}</text>`,
      ...[box.agents === '' ? 'no call' : box.agents, box.note].flatMap((text, index) =>
        text === undefined
          ? []
          : [`<text class="soft" x="${x + 14}" y="${y + 34 + 16 * index}">${escaped(cut(text, FIT.line))}</text>`],
      ),
    ]
    return `<g><title>${escaped(whole)}</title><rect class="box${answer ? ' answer' : ''}" x="${x}" y="${y}" width="${WIDTH}" height="${height}" rx="7"/><rect x="${x}" y="${y + 8}" width="4" height="${height - 16}" rx="2" fill="var(--${tone(box.kind)})"/>${texts.join('')}</g>`
  })
  const headings = columns.map((column, index) => {
    const layer = topology.steps.find(({ id }) => id === column[0]!.ids[0])!.layer
    return `<text class="soft" x="${left(index + 1) + WIDTH / 2}" y="${PADDING + 8}" text-anchor="middle">layer ${layer}</text>`
  })
  const [w, h] = [left(columns.length) + WIDTH + PADDING, inner + 2 * PADDING + HEADING]
  return `<svg xmlns="http://www.w3.org/2000/svg" class="mixlab-topology" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" style="max-width:100%;height:auto" role="img" aria-label="${escaped(`the topology ${topology.name}`)}">
<style>${style}</style>
<rect width="${w}" height="${h}" fill="var(--ground)"/>
<g>${lines.join('')}</g>
<g>${[...headings, ...drawn].join('\n')}</g>
</svg>
`
}
