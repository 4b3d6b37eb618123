// Accuracy against the share of strong answers, one panel a task: an SVG that needs nothing to be drawn or seen.

export interface DrawnCurve {
  readonly label: string
  /** Share of strong answers (0 … 1) and accuracy (0 … 1). */
  readonly points: readonly (readonly [share: number, accuracy: number])[]
  readonly dashed?: boolean
}

export interface Panel {
  readonly title: string
  readonly curves: readonly DrawnCurve[]
}

const colours = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#3ca951', '#ff8ab7', '#a463f2', '#97bbf5', '#9c6b4e']
const [WIDTH, HEIGHT] = [320, 250]
const margin = { left: 46, right: 16, top: 26, bottom: 34 }

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function drawPanel({ title, curves }: Panel, left: number, colourOf: (label: string) => string): string {
  const accuracies = curves.flatMap(({ points }) => points.map(([, accuracy]) => accuracy))
  const [low, high] = [Math.floor(Math.min(...accuracies) * 20) / 20, Math.ceil(Math.max(...accuracies) * 20) / 20]
  const x = (share: number) => left + margin.left + share * (WIDTH - margin.left - margin.right)
  const y = (accuracy: number) =>
    HEIGHT - margin.bottom - ((accuracy - low) / (high - low)) * (HEIGHT - margin.top - margin.bottom)
  const ticks = Array.from({ length: Math.round((high - low) * 20) + 1 }, (_, i) => low + i / 20)
  const rows = ticks.map((tick) => {
    const at = y(tick).toFixed(1)
    const line = `<line x1="${x(0)}" x2="${x(1)}" y1="${at}" y2="${at}" stroke="currentColor" stroke-opacity="0.12"/>`
    return `${line}<text x="${x(0) - 5}" y="${at}" dy="0.32em" text-anchor="end">${Math.round(tick * 100)} %</text>`
  })
  const columns = [0, 0.25, 0.5, 0.75, 1].map(
    (share) => `<text x="${x(share).toFixed(1)}" y="${HEIGHT - 18}" text-anchor="middle">${share * 100} %</text>`,
  )
  const lines = curves.map(({ label, points, dashed }) => {
    const path = points.map(([share, accuracy]) => `${x(share).toFixed(1)},${y(accuracy).toFixed(1)}`).join(' ')
    return `<polyline points="${path}" fill="none" stroke="${colourOf(label)}" stroke-width="1.5"${dashed ? ' stroke-dasharray="4 3"' : ''}><title>${escaped(label)}</title></polyline>`
  })
  const middle = (x(0) + x(1)) / 2
  return [
    `<text x="${middle}" y="14" text-anchor="middle" font-weight="bold">${escaped(title)}</text>`,
    ...rows,
    ...columns,
    `<text x="${middle}" y="${HEIGHT - 4}" text-anchor="middle">questions to the strong model</text>`,
    ...lines,
  ].join('\n')
}

/** One SVG with all panels side by side and one legend. */
export function drawCurves(panels: readonly Panel[]): string {
  const labels = [...new Set(panels.flatMap(({ curves }) => curves.map(({ label }) => label)))]
  const dashed = new Set(
    panels.flatMap(({ curves }) => curves.filter((curve) => curve.dashed).map(({ label }) => label)),
  )
  const solid = labels.filter((label) => !dashed.has(label))
  // What is dashed is a bound, not a router.
  const colourOf = (label: string) => (dashed.has(label) ? '#888888' : colours[solid.indexOf(label) % colours.length]!)
  const perRow = Math.max(1, Math.floor((panels.length * WIDTH) / 150))
  const legend = labels.map((label, i) => {
    const [left, top] = [10 + (i % perRow) * 150, HEIGHT + 14 + Math.floor(i / perRow) * 16]
    return `<line x1="${left}" x2="${left + 18}" y1="${top}" y2="${top}" stroke="${colourOf(label)}" stroke-width="2"${dashed.has(label) ? ' stroke-dasharray="4 3"' : ''}/><text x="${left + 23}" y="${top}" dy="0.32em">${escaped(label)}</text>`
  })
  const [width, height] = [panels.length * WIDTH, HEIGHT + 10 + 16 * Math.ceil(labels.length / perRow) + 6]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="11" fill="currentColor">`,
    ...panels.map((panel, i) => drawPanel(panel, i * WIDTH, colourOf)),
    ...legend,
    '</svg>\n',
  ].join('\n')
}
