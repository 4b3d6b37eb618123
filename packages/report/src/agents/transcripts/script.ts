// What the list of questions does in the page: filters, pages, and one opened question with its layers, steps and calls.
// Everything that a model or a data set said enters the page as text nodes, never as markup. Compressed data is inflated
// by the browser; the shape of a question is pack.ts's.
import { MARKS } from '../marks.ts'

export const transcriptScript = String.raw`const MARKS = ${JSON.stringify(MARKS)}
const el = (tag, className, ...children) => {
  const node = document.createElement(tag)
  if (className) node.className = className
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false))
  return node
}
const inflate = async (id) => {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0))
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  return JSON.parse(await new Response(stream).text())
}
const chunks = new Map()
const chunkOf = (i) => {
  const kept = chunks.get(i) ?? inflate('transcripts-' + i)
  chunks.delete(i)
  chunks.set(i, kept)
  if (chunks.size > 12) chunks.delete(chunks.keys().next().value)
  return kept
}
const num = (value) => value === 0 ? '0' : Math.abs(value) < 1e-6 ? value.toExponential(2) : String(Number(value.toPrecision(3)))
const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f')
const time = (ms) => ms < 1000 ? Math.round(ms) + '\u202fms' : num(ms / 1000) + '\u202fs'
const money = (cost) => {
  const show = (value) => num(value) + '\u202f' + (cost.currency ?? 'USD')
  if (cost.logical === undefined && cost.billed === undefined) return cost.inputTokens + cost.outputTokens > 0 ? 'price unknown' : 'no cost'
  if (cost.logical === undefined) return show(cost.billed)
  return show(cost.logical) + (cost.billed !== undefined && Math.abs(cost.billed - cost.logical) > 1e-12 ? ' (billed ' + show(cost.billed) + ')' : '')
}
const spentText = ({ cost, timing, attempts, finish }) => [
  count(cost.inputTokens) + ' in' + (cost.cachedInputTokens ? ' (' + count(cost.cachedInputTokens) + ' cached)' : ''),
  count(cost.outputTokens) + ' out' + (cost.reasoningTokens ? ' (' + count(cost.reasoningTokens) + ' reasoning)' : '') + (cost.estimated ? ', estimated' : ''),
  money(cost),
  time(timing.durationMs) + (timing.firstTokenMs === undefined ? '' : ', first piece after ' + time(timing.firstTokenMs)),
  timing.queuedMs > 50 ? 'queued ' + time(timing.queuedMs) : '',
  attempts === 1 ? '' : attempts + ' tries',
  finish && finish !== 'stop' ? 'ended by ' + finish : '',
].filter(Boolean).join(' · ')
const verdict = (grade) => {
  if (!grade) return undefined
  const node = el('span', 'verdict ' + (grade.correct ? 'right' : 'wrong'), grade.correct ? '✓' : '✗')
  node.append(' ' + (grade.unparseable ? 'unparseable' : grade.parsed ?? (grade.correct ? 'right' : 'wrong')))
  if (grade.score !== undefined && grade.score !== 0 && grade.score !== 1) node.append(' ' + num(grade.score))
  return node
}
const folded = (text, className) => {
  const box = el('div', 'said ' + className)
  box.textContent = text
  if (text.length < 420 && text.split('\n').length < 9) return box
  box.classList.add('clipped')
  const more = el('button', 'more', 'Show all')
  more.type = 'button'
  more.addEventListener('click', () => { more.textContent = box.classList.toggle('clipped') ? 'Show all' : 'Show less' })
  const wrap = el('div', '', box, more)
  return wrap
}
const plainText = (value) => typeof value === 'string' ? value : JSON.stringify(value)
const decisionOf = (decision) => {
  const list = el('dl', 'decision')
  for (const [name, value] of Object.entries(decision)) list.append(el('dt', '', name), el('dd', '', plainText(value)))
  return list
}
const runView = (question, run) => {
  const box = el('div', 'run-view')
  const cards = new Map()
  const steps = new Map(run.steps.map((step) => [step.id, step]))
  const writer = new Map()
  for (const step of run.steps) for (const call of step.calls) if (call.text !== undefined && !writer.has(call.text)) writer.set(call.text, { step: step.id, agent: call.agent })
  const goTo = (id) => {
    const card = cards.get(id)
    card?.scrollIntoView({ block: 'nearest', behavior: 'smooth' })
    card?.focus({ preventScroll: true })
  }
  const link = (id, text = id) => {
    const node = el('button', 'chip', text)
    node.type = 'button'
    node.addEventListener('click', () => goTo(id))
    return node
  }
  const final = el('p', 'final', el('b', '', 'Answer '), run.answer === undefined ? el('span', 'bad', run.failure ?? 'none') : '')
  if (run.answer !== undefined) for (const [name, grade] of Object.entries(run.grades ?? {})) final.append(verdict(grade), el('small', '', ' by ' + name + '  '))
  final.append(el('small', '', 'critical path ' + time(run.timing.criticalPathMs) + (run.timing.firstTokenMs === undefined ? '' : ', first piece after ' + time(run.timing.firstTokenMs))))
  box.append(final)
  if (run.answer !== undefined && !run.steps.some((step) => step.answers.some((answer) => answer.text === run.answer))) box.append(folded(question.texts[run.answer], 'reply'))
  const messageView = (message) => {
    const said = el('div', 'said sent')
    for (const piece of message.pieces) {
      if (typeof piece === 'string') { said.append(piece); continue }
      const by = writer.get(piece)
      const quote = el('span', by ? 'quote' : 'quote question', question.texts[piece])
      quote.title = by ? 'Word for word the reply of ' + by.step + ' (' + by.agent + ')' : 'The question'
      if (by) {
        quote.dataset.of = by.step
        quote.addEventListener('click', () => goTo(by.step))
      }
      said.append(quote)
    }
    return el('div', 'message', el('b', 'role', message.role), said)
  }
  const callView = (step, call) => {
    const node = el('div', 'call')
    if (step.calls.length > 1) node.append(el('small', '', call.id.split('/').slice(1).join('/') + ' · ' + call.agent))
    if (call.text !== undefined && step.answers.every((answer) => answer.call !== call.id)) node.append(folded(question.texts[call.text], 'reply'))
    if (call.failure) node.append(el('p', 'bad', 'Missing: ' + call.failure.kind + ', ' + call.failure.message))
    node.append(el('p', 'spent', spentText(call)))
    for (const warning of call.warnings ?? []) node.append(el('p', 'spent', 'Warning: ' + warning))
    const sent = el('details', 'sent-messages', el('summary', '', 'What it was sent', el('span', 'soft', call.messages.length + (call.messages.length === 1 ? ' message' : ' messages') + (call.sample > 0 ? ', sample ' + call.sample : ''))))
    sent.addEventListener('toggle', () => { if (sent.open && sent.children.length === 1) sent.append(...call.messages.map(messageView), el('p', 'spent', 'key ' + call.key)) })
    node.append(sent)
    return node
  }
  const cardOf = (step) => {
    const agents = [...new Set([...step.calls.map((call) => call.agent), ...step.answers.map((answer) => answer.agent)])]
    const card = el('article', 'step' + (step.skipped ? ' skipped' : ''), el('h5', '', step.id), el('p', 'spent', step.kind + (agents.length ? ' · ' + agents.join(', ') : '')))
    card.tabIndex = -1
    cards.set(step.id, card)
    if (step.saw.length) {
      const layers = Map.groupBy(step.saw, (id) => steps.get(id)?.layer)
      const saw = el('p', 'saw', 'saw ')
      for (const [layer, ids] of layers) {
        const all = run.steps.filter((other) => other.layer === layer)
        if (ids.length > 2 && ids.length === all.length) saw.append(link(ids[0], 'all ' + ids.length + ' of layer ' + layer))
        else saw.append(...ids.map((id) => link(id)))
      }
      card.append(saw)
    }
    if (step.skipped) card.append(el('p', 'soft', 'Not called: ' + step.skipped))
    if (step.decision) card.append(decisionOf(step.decision))
    for (const answer of step.answers) {
      const made = step.calls.some((call) => call.id === answer.call)
      const by = writer.get(answer.text)
      card.append(el('p', 'answer', verdict(answer.grade), answer.score === undefined ? '' : el('small', '', ' valued ' + num(answer.score)), made || !by ? '' : el('small', '', ' from ', link(by.step))))
      if (made || !by) card.append(folded(question.texts[answer.text], 'reply'))
    }
    for (const lost of step.missing ?? []) if (!step.calls.some((call) => call.id === lost.call && call.failure)) card.append(el('p', 'bad', 'Missing: ' + lost.kind + ', ' + lost.message + ' (' + lost.agent + ')'))
    card.append(...step.calls.map((call) => callView(step, call)))
    const light = (on) => {
      box.classList.toggle('lit', on && (step.saw.length > 0 || run.steps.some((other) => other.saw.includes(step.id))))
      card.classList.toggle('self', on)
      for (const other of run.steps) {
        if (step.saw.includes(other.id)) cards.get(other.id).classList.toggle('seen', on)
        if (other.saw.includes(step.id)) cards.get(other.id).classList.toggle('sees', on)
      }
    }
    card.addEventListener('pointerenter', () => light(true))
    card.addEventListener('pointerleave', () => light(false))
    return card
  }
  for (const layer of [...new Set(run.steps.map((step) => step.layer))].sort((a, b) => a - b)) {
    box.append(el('h4', 'layer-name', 'Layer ' + layer), el('div', 'steps', ...run.steps.filter((step) => step.layer === layer).map(cardOf)))
  }
  return box
}
const setUp = async () => {
  const section = document.getElementById('questions')
  if (!section) return
  const info = JSON.parse(document.getElementById('transcript-runs').textContent)
  const rows = (await inflate('transcript-list')).map(([id, text, chunk, place, runs], i) => ({ i, id, text, chunk, place, runs }))
  const body = section.querySelector('tbody'), pager = section.querySelector('.pager'), search = section.querySelector('input'), choice = section.querySelector('select')
  const filters = [...section.querySelectorAll('.filters button')]
  const PAGE = 40
  let page = 0, filter = 'all', arm = ''
  const outcomes = (row) => arm === '' ? row.runs : [row.runs[Number(arm)]]
  const differs = (row) => new Set(row.runs.filter(Boolean).map(([marks]) => marks & MARKS.wrong)).size > 1
  const passes = (row, wanted) => wanted === 'all' ? outcomes(row).some(Boolean) : wanted === 'differ' ? differs(row) : outcomes(row).some((run) => run && run[0] & MARKS[wanted])
  const matches = (row) => { const q = search.value.trim().toLowerCase(); return q === '' || row.id.toLowerCase().includes(q) || row.text.toLowerCase().includes(q) }
  const square = (run, i) => {
    const state = run === null ? 'none' : run[0] & MARKS.unanswered ? 'lost' : run[1] === null ? 'ungraded' : run[0] & MARKS.wrong ? 'wrong' : 'right'
    const node = el('i', 'outcome ' + state + (run && run[0] & MARKS.missing ? ' gap' : ''))
    node.title = info.runs[i] + ': ' + ({ none: 'not asked', lost: 'no answer', ungraded: 'not graded', wrong: 'wrong', right: 'right' })[state] + (run ? Object.keys(MARKS).filter((mark) => mark !== 'wrong' && mark !== 'unanswered' && run[0] & MARKS[mark]).map((mark) => ', ' + mark).join('') : '')
    return node
  }
  const openRow = async (row, line) => {
    const next = line.nextElementSibling
    if (next?.classList.contains('opened')) { next.remove(); line.classList.remove('lit'); return }
    line.classList.add('lit')
    const cell = el('td', 'text', el('p', 'soft', 'Reading …'))
    cell.colSpan = 3
    const detail = el('tr', 'opened', cell)
    line.after(detail)
    if (row.chunk < 0) {
      cell.replaceChildren(el('p', '', 'Left out to keep this page small. It is in the run: '), el('pre', '', "mixlab transcript RUN --question '" + row.id + "'"))
      return
    }
    const question = (await chunkOf(row.chunk))[row.place]
    const view = el('div', 'question-view')
    const facts = [question.reference === undefined ? '' : 'reference ' + question.reference, question.group ?? ''].filter(Boolean).join(' · ')
    if (question.text !== undefined) view.append(folded(question.texts[question.text], 'asked'))
    if (facts) view.append(el('p', 'spent', facts))
    const tabs = el('p', 'tabs'), place = el('div')
    const shown = (run) => {
      for (const tab of tabs.children) tab.setAttribute('aria-pressed', String(tab.run === run))
      place.replaceChildren(runView(question, run))
    }
    for (const run of question.runs) {
      const tab = el('button', '', square(row.runs[run.run], run.run), ' ' + info.runs[run.run])
      tab.type = 'button'
      tab.run = run
      tab.addEventListener('click', () => shown(run))
      tabs.append(tab)
    }
    if (question.runs.length > 1) view.append(tabs)
    view.append(place)
    const wanted = arm === '' ? undefined : Number(arm)
    shown(question.runs.find((run) => run.run === wanted) ?? question.runs.find((run) => row.runs[run.run][0] & MARKS.wrong) ?? question.runs[0])
    cell.replaceChildren(view)
  }
  const draw = () => {
    for (const button of filters) {
      button.setAttribute('aria-pressed', String(button.dataset.filter === filter))
      button.querySelector('small').textContent = count(rows.filter((row) => passes(row, button.dataset.filter)).length)
    }
    const found = rows.filter((row) => passes(row, filter) && matches(row))
    page = Math.max(0, Math.min(page, Math.ceil(found.length / PAGE) - 1))
    body.replaceChildren(...found.slice(page * PAGE, page * PAGE + PAGE).map((row) => {
      const open = el('button', '', row.id)
      open.type = 'button'
      const head = el('th', 'text', open)
      head.scope = 'row'
      const line = el('tr', '', head, el('td', 'text excerpt', row.text), el('td', 'outcomes', ...row.runs.map(square)))
      line.addEventListener('click', () => { if (String(getSelection()) === '') void openRow(row, line) })
      return line
    }))
    const go = (text, to, off) => {
      const button = el('button', '', text)
      button.type = 'button'
      button.disabled = off
      button.addEventListener('click', () => { page = to; draw() })
      return button
    }
    const last = Math.ceil(found.length / PAGE) - 1
    pager.replaceChildren(found.length === 0 ? 'No question.' : count(page * PAGE + 1) + '–' + count(Math.min(found.length, page * PAGE + PAGE)) + ' of ' + count(found.length) + '  ', ...(last > 0 ? [go('← Earlier', page - 1, page === 0), go('Later →', page + 1, page === last)] : []))
  }
  for (const button of filters) button.addEventListener('click', () => { filter = button.dataset.filter; page = 0; draw() })
  search.addEventListener('input', () => { page = 0; draw() })
  choice.addEventListener('change', () => { arm = choice.value; page = 0; draw() })
  draw()
}
void setUp()
`
