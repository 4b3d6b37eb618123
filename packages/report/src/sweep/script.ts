// What a sweep's page does when touched: the trial nearest to the pointer, its values, and the same trial lit up in every
// figure and table. Marks are read back from the drawings (see chart.ts).
import { pageScript } from '../script.ts'

export const sweepScript = pageScript(String.raw`const store = JSON.parse(document.getElementById('trials').textContent)
const drawings = [...document.querySelectorAll('.plot.trials')]
const read = new WeakMap()
const marks = (svg) => {
  if (!read.has(svg)) read.set(svg, [...svg.querySelectorAll('[data-trials]')].flatMap((path) => {
    const trials = path.dataset.trials.split(' ')
    const points = (path.getAttribute('d').match(/-?[\d.]+,-?[\d.]+/g) ?? []).map((pair) => pair.split(',').map(Number))
    return path.classList.contains('dots')
      ? points.map((point, i) => ({ trial: trials[i], points: [point] }))
      : [{ trial: trials[0], points, path }]
  }))
  return read.get(svg)
}
const distance = (points, x, y) => {
  if (points.length === 1) return Math.hypot(points[0][0] - x, points[0][1] - y)
  let best = Infinity
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1], [bx, by] = points[i]
    if (x < Math.min(ax, bx) - 12 || x > Math.max(ax, bx) + 12) continue
    const [dx, dy] = [bx - ax, by - ay]
    const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)))
    best = Math.min(best, Math.hypot(ax + t * dx - x, ay + t * dy - y))
  }
  return best
}
const nearest = (svg, event) => {
  const [x, y] = local(svg, event)
  const reach = 14 * svg.viewBox.baseVal.width / svg.getBoundingClientRect().width
  let found, least = reach
  for (const mark of marks(svg)) {
    const d = distance(mark.points, x, y)
    if (d < least) { least = d; found = mark.trial }
  }
  return found
}
let lit, kept
const light = (trial) => {
  if (trial === lit) return
  lit = trial
  for (const old of document.querySelectorAll('.hot')) old.remove()
  for (const row of document.querySelectorAll('tr.lit')) row.classList.remove('lit')
  for (const svg of drawings) svg.classList.toggle('dimmed', trial !== undefined && svg.querySelector('.line') !== null)
  if (trial === undefined) return
  for (const row of document.querySelectorAll('tr[data-trial="' + trial + '"]')) row.classList.add('lit')
  for (const svg of drawings) {
    for (const mark of marks(svg)) {
      if (mark.trial !== trial) continue
      const node = document.createElementNS('http://www.w3.org/2000/svg', mark.path ? 'path' : 'circle')
      node.setAttribute('class', 'hot')
      if (mark.path) node.setAttribute('d', mark.path.getAttribute('d'))
      else for (const [name, value] of [['cx', mark.points[0][0]], ['cy', mark.points[0][1]], ['r', 6]]) node.setAttribute(name, value)
      svg.append(node)
    }
  }
}
const describe = (trial, event) => {
  const entry = store.trials[trial]
  if (!entry) return
  const [state, objectives, values] = entry
  const table = document.createElement('table')
  const add = (name, value, strong) => {
    if (value === null) return
    const row = table.insertRow()
    row.insertCell().textContent = name
    row.insertCell().append(strong ? line(value, 'b') : value)
  }
  objectives.forEach((value, i) => add(store.objectives[i], value, true))
  values.forEach((value, i) => add(store.parameters[i], value))
  tip.replaceChildren(line('Trial ' + trial + ', ' + state), table)
  place(event)
}
for (const svg of drawings) {
  svg.addEventListener('pointermove', (event) => {
    const trial = nearest(svg, event)
    svg.style.cursor = trial === undefined ? '' : 'pointer'
    light(trial ?? kept)
    if (trial === undefined) hide()
    else describe(trial, event)
  })
  svg.addEventListener('pointerleave', () => { hide(); light(kept) })
  svg.addEventListener('click', (event) => {
    const trial = nearest(svg, event)
    kept = trial === kept ? undefined : trial
    light(trial)
  })
}
for (const row of document.querySelectorAll('tr[data-trial]')) {
  row.addEventListener('pointerenter', () => light(row.dataset.trial))
  row.addEventListener('pointerleave', () => light(kept))
  row.addEventListener('focusin', () => light(row.dataset.trial))
  row.addEventListener('focusout', () => light(kept))
}
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') { kept = undefined; light(); hide() } })
`)
