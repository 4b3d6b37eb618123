// What the page does when touched: theme, sorting, showing one arm alone, values under the pointer. It is text, not a
// module, because the page must stand alone; everything is readable without it. Values come from the drawing itself
// (a path's points and the axes in the data attributes; a heat map's written values).

const common = String.raw`const root = document.documentElement
const button = document.getElementById('theme')
const key = 'mixlab-report-theme'
const remembered = (() => { try { return localStorage.getItem(key) } catch { return null } })()
if (remembered === 'light' || remembered === 'dark') root.dataset.theme = remembered
const system = matchMedia('(prefers-color-scheme: dark)')
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : system.matches
const name = () => { button.textContent = isDark() ? 'Light' : 'Dark' }
button.addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark'
  try { localStorage.setItem(key, root.dataset.theme) } catch {}
  name()
})
system.addEventListener('change', name)
name()

for (const table of document.querySelectorAll('table.sortable')) {
  table.tHead.addEventListener('click', (event) => {
    const heading = event.target.closest('th')
    if (!heading || !heading.querySelector('button')) return
    const column = heading.cellIndex
    const up = heading.getAttribute('aria-sort') !== 'ascending'
    for (const other of heading.parentElement.cells) if (other.hasAttribute('aria-sort')) other.setAttribute('aria-sort', 'none')
    heading.setAttribute('aria-sort', up ? 'ascending' : 'descending')
    const text = heading.classList.contains('text')
    const value = (row) => {
      const cell = row.cells[column].dataset.sort
      return text ? cell ?? '' : cell === undefined || cell === 'NaN' ? null : Number(cell)
    }
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const x = value(a), y = value(b)
      if (x === null || y === null) return (x === null) - (y === null)
      return (up ? 1 : -1) * (text ? x.localeCompare(y, undefined, { numeric: true }) : x - y)
    })
    table.tBodies[0].append(...rows)
  })
}

`

const armsAlone = String.raw`const legends = [...document.querySelectorAll('.legend button')]
for (const item of legends) item.addEventListener('click', () => {
  const arm = document.body.dataset.only === item.dataset.arm ? undefined : item.dataset.arm
  if (arm === undefined) delete document.body.dataset.only
  else document.body.dataset.only = arm
  for (const other of legends) other.setAttribute('aria-pressed', String(other.dataset.arm === arm))
})

`

const tip = String.raw`const tip = document.getElementById('tip')
const hide = () => { tip.hidden = true; document.querySelector('.cursor')?.remove() }
const place = (event) => {
  tip.hidden = false
  const wide = document.documentElement.clientWidth
  const left = event.clientX + 16 + tip.offsetWidth > wide ? event.clientX - 16 - tip.offsetWidth : event.clientX + 16
  tip.style.left = Math.max(4, left) + scrollX + 'px'
  tip.style.top = Math.max(4, event.clientY - tip.offsetHeight - 10) + scrollY + 'px'
}
const show = (value) => Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(2) : String(Number(value.toPrecision(4)))
const local = (svg, event) => {
  const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal
  return [(event.clientX - box.left) * view.width / box.width, (event.clientY - box.top) * view.height / box.height]
}
const line = (text, tag = 'div') => { const node = document.createElement(tag); node.textContent = text; return node }

`

const curvesAndCells = String.raw`const parsed = new WeakMap()
const curves = (svg) => {
  if (!parsed.has(svg)) parsed.set(svg, [...svg.querySelectorAll('g[class^=arm-]:not(.dots)')].flatMap((group) => {
    const [arm, weight] = group.getAttribute('class').split(' ')
    const path = group.querySelector('path')
    if (!path || weight === 'raw') return []
    const label = svg.querySelector('.name.' + arm)?.textContent ?? document.querySelector('.legend [data-arm="' + arm.slice(4) + '"]')?.textContent ?? ''
    const points = (path.getAttribute('d').match(/-?[\d.]+,-?[\d.]+/g) ?? []).map((pair) => pair.split(',').map(Number))
    return [{ arm, label, weight, colour: group.getAttribute('stroke'), points }]
  }))
  return parsed.get(svg)
}
const overLines = (svg, event) => {
  const [x0, x1, left, right] = svg.dataset.x.split(' ').map(Number)
  const [y0, y1, bottom, top] = svg.dataset.y.split(' ').map(Number)
  const [px, py] = local(svg, event)
  if (px < left - 4 || px > right + 4 || py < top - 8 || py > bottom + 8) return hide()
  const back = (y) => {
    const t = (bottom - y) / (bottom - top)
    return svg.dataset.log ? y0 * (y1 / y0) ** t : y0 + (y1 - y0) * t
  }
  const all = curves(svg)
  const strongest = all.some((curve) => curve.weight === 'points') ? ['points'] : ['main']
  const seen = new Map()
  for (const curve of all.filter((curve) => strongest.includes(curve.weight))) {
    if (curve.points.length === 0) continue
    const near = curve.points.reduce((a, b) => Math.abs(b[0] - px) < Math.abs(a[0] - px) ? b : a)
    if (Math.abs(near[0] - px) < (right - left) / 6) seen.set(curve.arm, { curve, value: back(near[1]), x: near[0] })
  }
  if (seen.size === 0) return hide()
  const x = [...seen.values()].map((entry) => entry.x).reduce((a, b) => Math.abs(b - px) < Math.abs(a - px) ? b : a)
  let cursor = document.querySelector('.cursor')
  if (cursor?.ownerSVGElement !== svg) {
    cursor?.remove()
    cursor = document.createElementNS('http://www.w3.org/2000/svg', 'line')
    cursor.setAttribute('class', 'cursor')
    svg.append(cursor)
  }
  for (const [attribute, value] of [['x1', x], ['x2', x], ['y1', top], ['y2', bottom]]) cursor.setAttribute(attribute, value)
  const table = document.createElement('table')
  for (const { curve, value } of [...seen.values()].sort((a, b) => b.value - a.value).slice(0, 20)) {
    const row = table.insertRow()
    const first = row.insertCell()
    const swatch = document.createElement('i')
    swatch.className = 'swatch'
    swatch.style.background = curve.colour
    first.append(swatch, curve.label)
    row.insertCell().textContent = show(value)
  }
  tip.replaceChildren(line('step ' + Math.round(x0 + (x1 - x0) * (x - left) / (right - left))), table)
  place(event)
}
const overCells = (svg, event) => {
  const [left, top, width, height, columns, rows] = svg.dataset.cells.split(' ').map(Number)
  const [px, py] = local(svg, event)
  const x = Math.floor((px - left) / width), y = Math.floor((py - top) / height)
  const value = x >= 0 && y >= 0 && x < columns && y < rows ? svg.dataset.values.split('|')[y]?.split(' ')[x] : undefined
  if (!value) return hide()
  const row = JSON.parse(svg.dataset.rows)[y], column = JSON.parse(svg.dataset.columns)[x]
  const title = svg.dataset.columnTitle
  tip.replaceChildren(line(row + ' · ' + (title === 'step' ? 'step ' : '') + column), line(value + (svg.dataset.unit ? ' ' + svg.dataset.unit : ''), 'b'))
  place(event)
}
for (const svg of document.querySelectorAll('.plot.lines, .plot.cells')) {
  svg.addEventListener('pointermove', (event) => (svg.classList.contains('lines') ? overLines : overCells)(svg, event))
  svg.addEventListener('pointerleave', hide)
}
`

/** A script with the theme switch, sortable tables and the tools for tips, and what a page adds. */
export const pageScript = (...parts: readonly string[]): string =>
  `(() => {\n'use strict'\n${[common, tip, ...parts].join('')}})()`

/** A report's, with what its kind of runs adds. */
export const reportScript = (...parts: readonly string[]): string => pageScript(armsAlone, curvesAndCells, ...parts)

export const script = reportScript()
