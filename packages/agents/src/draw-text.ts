// A topology for a terminal: a row of boxes for each layer, from the question down to the answer. An arrow between two layers
// says that the lower one sees the upper one; a box that sees something else says what.
import { agentCounts, type Drawable, type StepGroup, stepGroups } from './draw-groups.ts'

export interface DrawTextOptions {
  /** Of a line, in characters. Default 100. */
  readonly width?: number
}

/** Words in lines of at most `width` characters; a longer word has a line of its own. */
function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const MARGIN = 10

function box(group: StepGroup, before: string, width: number, isOutput: boolean): string[] {
  const count = group.steps.length
  const same = group.role.startsWith(group.kind)
  const title = `${group.kind}${same ? '' : ` (${group.role})`}${count > 1 ? ` ×${count}` : ''}`
  const sees = group.sees.join(', ')
  const inner = [
    title,
    ...wrapped(agentCounts(group.steps), width),
    ...(group.layer === 1 || sees === before
      ? []
      : wrapped(`sees ${sees === '' ? 'the question alone' : sees}`.split(' '), width)),
    ...(group.gates.length === 0 ? [] : wrapped(`unless ended by ${group.gates.join(', ')}`.split(' '), width)),
    ...(isOutput ? ['→ answer'] : []),
  ]
  const wide = Math.max(...inner.map((line) => line.length))
  return [`┌${'─'.repeat(wide + 2)}┐`, ...inner.map((line) => `│ ${line.padEnd(wide)} │`), `└${'─'.repeat(wide + 2)}┘`]
}

/** Boxes side by side, in as many rows as they need. */
function rows(boxes: readonly (readonly string[])[], width: number): string[][] {
  const made: string[][][] = []
  let used = 0
  for (const lines of boxes) {
    const wide = lines[0]!.length
    if (made.length === 0 || used + 1 + wide > width) {
      made.push([[...lines]])
      used = wide
    } else {
      made.at(-1)!.push([...lines])
      used += 1 + wide
    }
  }
  return made.map((row) => {
    const height = Math.max(...row.map((lines) => lines.length))
    return Array.from({ length: height }, (_, line) =>
      row
        .map((lines) => lines[line] ?? ' '.repeat(lines[0]!.length))
        .join(' ')
        .trimEnd(),
    )
  })
}

/** The drawing, lines joined by newlines. */
export function drawText(topology: Drawable, options: DrawTextOptions = {}): string {
  const width = Math.max(40, options.width ?? 100) - MARGIN
  const groups = stepGroups(topology)
  const layers = [...new Set(groups.map(({ layer }) => layer))]
  const lines = [`${' '.repeat(MARGIN)}question`]
  let before = ''
  for (const layer of layers) {
    const own = groups.filter((group) => group.layer === layer)
    const direct = layer === layers[0] || own.some(({ sees }) => sees.includes(before))
    lines.push(`${' '.repeat(MARGIN + 3)}${direct ? '▼' : '┊'}`)
    const boxes = own.map((group) =>
      box(
        group,
        before,
        Math.min(48, width - 4),
        group.steps.some(({ id }) => id === topology.output),
      ),
    )
    for (const [row, block] of rows(boxes, width).entries())
      for (const [line, text] of block.entries())
        lines.push(`${(row === 0 && line === 1 ? `layer ${layer}` : '').padEnd(MARGIN)}${text}`.trimEnd())
    before = `layer ${layer}`
  }
  return lines.join('\n')
}
