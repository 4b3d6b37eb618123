import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import type { QuestionGrades, QuestionResult } from '@mixlab/agents'
import { toJson } from '@mixlab/core'
import { openRun } from '@mixlab/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAgentReport } from '../../src/agents/sections.ts'
import { transcriptScript } from '../../src/agents/transcripts/script.ts'
import { groupArms } from '../../src/arms.ts'
import { writeReport } from '../../src/index.ts'
import { collectSeries } from '../../src/series.ts'
import { writeBakeoff } from '../synthetic-run.ts'
import {
  all,
  cell,
  type PageDocument,
  type PageElement,
  parse,
  pause,
  readPage,
  runScript,
  tidy,
  unpack,
} from './page.ts'
import { example, mixture, questionAt, single, voting, writeAgentRun, type ScriptedOptions } from './scripted-run.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixlab-agents-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function report(name: string): Promise<{ source: string; page: PageDocument }> {
  const source = await readPage(await writeReport([join(folder, name)]))
  return { source, page: parse(source) }
}

const linesOf = async <T>(run: string, arm: string, file: string): Promise<T[]> =>
  (await readFile(join(folder, run, 'children', arm, file), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

const table = (page: PageDocument): PageElement => page.querySelector('#comparison table')!
const rowOf = (page: PageDocument, arm: string): PageElement =>
  all(table(page), 'tbody tr').find((row) => tidy(row.querySelector('th .long')) === arm)!
const sorted = (page: PageDocument, arm: string, title: string): number =>
  Number(cell(rowOf(page, arm), title, table(page)).getAttribute('data-sort'))

describe('five arms of two hundred questions', () => {
  let source: string
  let page: PageDocument
  beforeAll(async () => {
    await writeAgentRun(join(folder, 'five'), example)
    ;({ source, page } = await report('five'))
  })

  it('is one file that fetches nothing and draws no number that is none', () => {
    const withoutNamespace = source.replaceAll('http://www.w3.org/2000/svg', '')
    expect(withoutNamespace.match(/https?:\/\//)?.[0]).toBeUndefined()
    expect(withoutNamespace.match(/(?:src|href)="(?!#|data:,")/)?.[0]).toBeUndefined()
    expect(source.match(/="[^"<>]*\b(?:NaN|undefined|Infinity)\b[^"<>]*"/)?.[0]).toBeUndefined()
    expect(source).not.toContain('[object Object]')
    expect(source.length).toBeLessThan(1_500_000)
  })

  it('has its sections and its figures, numbered in order', () => {
    expect(all(page, 'section').map(({ id }) => id)).toEqual([
      'comparison',
      'fronts',
      'layers',
      'spending',
      'transcripts',
      'balance',
      'configuration',
      'record',
    ])
    const figures = all(page, 'figure')
    expect(figures.map(({ id }) => id)).toEqual([
      'front-cost',
      'front-latency',
      'layer-diagrams',
      'final-load',
      'entropy',
      'max-violation',
      'load-maps',
    ])
    for (const [i, figure] of figures.entries())
      expect(tidy(figure.querySelector('figcaption'))).toMatch(new RegExp(String.raw`^Figure ${i + 1}\. .{40}`))
  })

  it.each(example.arms.map(({ name }) => name))('says of %s what its files say', async (arm) => {
    const results = await linesOf<QuestionResult>('five', arm, 'answers.jsonl')
    const grades = await linesOf<QuestionGrades>('five', arm, 'grades.jsonl')
    const n = results.length
    const calls = results.flatMap((result) => result.calls)
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
    const right = grades.filter((line) => line.grades['gsm8k']!.correct).length
    expect(sorted(page, arm, 'Accuracy')).toBeCloseTo(right / n, 12)
    expect(sorted(page, arm, 'Calls')).toBeCloseTo(calls.length / n, 12)
    const tokens = sum(calls.map(({ cost }) => cost.inputTokens + cost.outputTokens))
    expect(sorted(page, arm, 'Tokens')).toBeCloseTo(tokens / n, 9)
    expect(sorted(page, arm, 'Cost')).toBeCloseTo((1000 * sum(calls.map(({ cost }) => cost.logical!))) / n, 9)
    expect(sorted(page, arm, 'Billed')).toBeCloseTo((1000 * sum(calls.map(({ cost }) => cost.billed!))) / n, 9)
    const missing = sum(results.flatMap(({ steps }) => steps.map((step) => step.missing?.length ?? 0)))
    expect(sorted(page, arm, 'Missing')).toBe(missing)
    expect(sorted(page, arm, 'No answer')).toBe(results.filter(({ answer }) => answer === null).length)
    const paths = results.map(({ timing }) => timing.criticalPathMs).toSorted((a, b) => a - b)
    expect(sorted(page, arm, 'p50')).toBeCloseTo((paths[99]! + paths[100]!) / 2, 9)
    expect(sorted(page, arm, 'p95')).toBeCloseTo(paths[189]! + 0.05 * (paths[190]! - paths[189]!), 9)
  })

  it('shows what was missing: in the table, the drawing, the failures and the transcript', async () => {
    const results = await linesOf<QuestionResult>('five', 'moa-lite', 'answers.jsonl')
    const lost = results.flatMap(({ calls }) => calls.filter(({ failure }) => failure !== undefined))
    expect(lost.length).toBeGreaterThan(0)
    expect(sorted(page, 'moa-lite', 'Missing')).toBe(lost.length)
    const diagram = all(page, '#layer-diagrams .arm-block').find((block) => tidy(block).startsWith('moa-lite'))!
    const shown = all(diagram, '.loss').map((text) => Number(/(\d+) missing/.exec(tidy(text))?.[1]))
    expect(shown.reduce((a, b) => a + b, 0)).toBe(lost.length)
    const failures = all(page, '#spending tbody tr').filter(
      (row) => tidy(row).startsWith('moa-lite') && row.querySelector('td.bad.text') !== null,
    )
    const counts = failures.map((row) => Number(all(row, 'td')[1]!.getAttribute('data-sort')))
    expect(counts.reduce((a, b) => a + b, 0)).toBe(lost.length)

    const question = results.find(({ calls }) => calls.some(({ failure }) => failure !== undefined))!
    const packed = unpack(page).question(question.question)
    const run = packed.runs.find(({ run: place }) => place === 2)!
    const call = question.calls.find(({ failure }) => failure !== undefined)!
    expect(run.steps.find(({ id }) => id === call.step)?.missing?.[0]?.kind).toBe(call.failure!.kind)
  })

  it('draws an edge for each thing that was seen', () => {
    const moa = all(page, '#layer-diagrams .arm-block').find((block) => /^moa\b(?!-)/.test(tidy(block)))!
    expect(all(moa, '.box')).toHaveLength(13)
    expect(all(moa, '.edge')).toHaveLength(6 * 6 + 6)
  })

  it('keeps transcripts from which every message comes back word for word', async () => {
    const { list, question } = unpack(page)
    expect(list).toHaveLength(200)
    for (const [place, { name }] of example.arms.entries()) {
      const results = await linesOf<QuestionResult>('five', name, 'answers.jsonl')
      for (const result of results.slice(0, 12)) {
        const { texts, runs } = question(result.question)
        const steps = runs.find(({ run }) => run === place)!.steps
        const calls = steps.flatMap((step) => step.calls)
        const unfold = (pieces: readonly (string | number)[]): string =>
          pieces.map((piece) => (typeof piece === 'number' ? texts[piece]! : piece)).join('')
        expect(
          calls.map(({ messages }) => messages.map(({ role, pieces }) => ({ role, content: unfold(pieces) }))),
        ).toEqual(result.calls.map(({ messages }) => messages))
        expect(calls.map(({ text }) => text && texts[text])).toEqual(result.calls.map(({ text }) => text))
        expect(steps.map(({ saw }) => saw)).toEqual(result.steps.map(({ saw }) => saw))
      }
    }
  })

  it('stores a text once: prompts refer to the answers that they quote', () => {
    const { runs } = unpack(page).question('gsm8k-0000')
    const aggregator = runs[2]!.steps.at(-1)!
    const quoted = aggregator.calls[0]!.messages.flatMap(({ pieces }) =>
      pieces.filter((piece) => typeof piece === 'number'),
    )
    const replies = runs[2]!.steps.slice(0, -1).flatMap(({ calls }) => calls.flatMap(({ text }) => text ?? []))
    expect(replies.length).toBeGreaterThan(3)
    expect(quoted).toEqual(expect.arrayContaining(replies))
  })

  it('opens a question: layers, steps, what each saw and was sent', async () => {
    const document = await runScript(source, transcriptScript)
    expect(all(document, '.questions tbody tr')).toHaveLength(40)
    const wrong = all(document, '.filters button').find((button) => tidy(button).startsWith('Missing'))!
    wrong.click()
    const results = await linesOf<QuestionResult>('five', 'moa-lite', 'answers.jsonl')
    const failed = results.find(({ calls }) => calls.some(({ failure }) => failure))!
    const row = all(document, '.questions tbody tr').find((one) => tidy(one).startsWith(failed.question))!
    row.click()
    for (let i = 0; i < 200 && document.querySelector('.run-view') === null; i++) await pause()
    const tab = all(document, '.tabs button').find((button) => tidy(button) === 'moa-lite')!
    tab.click()
    const steps = all(document, '.step')
    expect(steps.map((step) => tidy(step.querySelector('h5')))).toEqual(failed.steps.map(({ id }) => id))
    expect(tidy(document.querySelector('.run-view'))).toContain('Missing: ')
    expect(tidy(steps.at(-1)?.querySelector('.saw'))).toBe('saw all 6 of layer 1')
    for (const { text } of failed.calls.filter((call) => call.text !== undefined))
      expect(document.querySelector('.run-view')?.textContent).toContain(text)
  })
})

const small: ScriptedOptions = {
  agents: { a: { accuracy: 0.7, price: [1, 2] }, b: { accuracy: 0.6 } },
  arms: [],
  questions: 40,
}

describe('prices', () => {
  it('that are not known are unknown, not zero, and a sum that lacks some is a lower bound', async () => {
    await writeAgentRun(join(folder, 'prices'), {
      ...small,
      arms: [single('known', 'a'), single('unknown', 'b'), mixture('mixed', 2, ['a', 'b'], 'a')],
    })
    const { page } = await report('prices')
    expect(tidy(cell(rowOf(page, 'unknown'), 'Cost', table(page)))).toBe('unknown')
    expect(tidy(cell(rowOf(page, 'unknown'), 'Billed', table(page)))).toBe('unknown')
    expect(tidy(cell(rowOf(page, 'mixed'), 'Cost', table(page)))).toMatch(/^≥ [\d.]+$/)
    expect(tidy(cell(rowOf(page, 'known'), 'Cost', table(page)))).toMatch(/^[\d.]+$/)
    // The front then is drawn over tokens.
    expect(tidy(page.querySelector('#front-cost figcaption'))).toContain('Accuracy against tokens')

    await writeAgentRun(join(folder, 'no-price'), { ...small, arms: [single('unknown', 'b')] })
    expect(tidy((await report('no-price')).page.querySelector('.lead'))).toContain('price that is not known')
  })
})

describe('what is claimed', () => {
  it('names no winner inside the noise, and one outside', async () => {
    await writeAgentRun(join(folder, 'tied'), { ...small, arms: [single('one', 'a'), voting('two', 'a', 2)] })
    const tied = (await report('tied')).page
    expect(tidy(tied.querySelector('.lead'))).toContain('no winner can be named')
    expect(all(tied, 'td.best')).toHaveLength(0)

    await writeAgentRun(join(folder, 'apart'), {
      agents: { good: { accuracy: 0.95 }, bad: { accuracy: 0.3 } },
      arms: [single('good', 'good'), single('bad', 'bad')],
      questions: 60,
    })
    const apart = (await report('apart')).page
    expect(tidy(apart.querySelector('.lead'))).toContain('better than every other arm')
    expect(tidy(rowOf(apart, 'good').querySelector('td.best'))).toMatch(/^\d+\.\d %/)
  })

  it('says so where only final answers were graded', async () => {
    await writeAgentRun(join(folder, 'final-only'), {
      ...small,
      finalGradesOnly: true,
      arms: [mixture('lite', 2, ['a', 'b'], 'a')],
    })
    const { page } = await report('final-only')
    expect(tidy(page.querySelector('#layers'))).toContain('grades of the final answers alone')
  })
})

describe('whatever was said', () => {
  const evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)"><!-- ]]> & \u0000 \u2028 ```` end'

  it('is text in the page', async () => {
    await writeAgentRun(join(folder, 'evil'), {
      ...small,
      questions: 3,
      says: evil,
      asks: evil,
      arms: [mixture(`arm ${evil}`, 2, ['a', 'b'], 'a')],
    })
    const { source, page } = await report('evil')
    expect(all(page, 'img')).toHaveLength(0)
    expect(all(page, 'script').filter((one) => one.getAttribute('type') === null)).toHaveLength(1)
    expect(source).not.toMatch(/<script>alert|<img/)
    expect(unpack(page).question('gsm8k-0001').texts[0]).toBe(questionAt(1, { asks: evil }).text)

    const document = await runScript(source, transcriptScript)
    all(document, '.questions tbody tr')[0]!.click()
    for (let i = 0; i < 200 && document.querySelector('.run-view') === null; i++) await pause()
    expect(all(document, 'img')).toHaveLength(0)
    expect(document.querySelector('.run-view')?.textContent).toContain(evil)
  })

  it('has a script that is one, and holds nothing that would end its element', () => {
    expect(() => runInNewContext(`(() => { return () => { ${transcriptScript} } })()`)).not.toThrow()
    expect(transcriptScript).not.toMatch(/<\/script|<!--/i)
  })
})

describe('many', () => {
  it('a thousand questions of seven calls stay within 8 MB and a few seconds', async () => {
    await writeAgentRun(join(folder, 'many'), {
      agents: example.agents,
      arms: [mixture('lite', 2, ['weak-a', 'weak-b', 'weak-c', 'weak-a', 'weak-b', 'weak-c'], 'strong')],
      questions: 1000,
      words: 150,
    })
    const start = performance.now()
    const { source, page } = await report('many')
    const seconds = (performance.now() - start) / 1000
    console.log(`1,000 questions × 7 calls: ${(source.length / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s`)
    expect(source.length).toBeLessThan(8_000_000)
    expect(seconds).toBeLessThan(30)
    expect(unpack(page).list.every(([, , chunk]) => chunk >= 0)).toBe(true)
  }, 60_000)

  it('beyond the bound keeps those in which something went wrong, and says how many there are', async () => {
    const run = await openRun(join(folder, 'five'))
    const runs = await Promise.all(
      run.children.map(async (record) => ({ record, root: run, series: await collectSeries([]) })),
    )
    const { store } = (await readAgentReport(groupArms(runs), 200_000))!
    expect(store.packed).toBeGreaterThan(0)
    expect(store.packed).toBeLessThan(store.questions)
    expect(store.chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBeLessThan(200_000)
  })
})

describe('whatever state a run is in', () => {
  it('a killed one: the last line is torn, grades are missing, there is no topology', async () => {
    await writeAgentRun(join(folder, 'torn'), { ...small, arms: [mixture('lite', 2, ['a', 'b'], 'a')] })
    const arm = join(folder, 'torn', 'children', 'lite')
    const whole = await readFile(join(arm, 'answers.jsonl'), 'utf8')
    await writeFile(join(arm, 'answers.jsonl'), whole.slice(0, -200))
    await writeFile(join(arm, 'grades.jsonl'), '')
    await rm(join(arm, 'topology.json'))
    const { page } = await report('torn')
    expect(sorted(page, 'lite', 'Questions')).toBe(39)
    expect(tidy(page.querySelector('.lead'))).toContain('no answer was graded')
    expect(all(page, '#layer-diagrams .box')).toHaveLength(3)
  })

  it('one that has not answered yet, beside one that has', async () => {
    await writeAgentRun(join(folder, 'empty'), { ...small, arms: [single('one', 'a'), single('two', 'a')] })
    await rm(join(folder, 'empty', 'children', 'two', 'answers.jsonl'))
    const { page } = await report('empty')
    expect(all(table(page), 'tbody tr')).toHaveLength(1)
  })

  it('seeds of one arm are repetitions: questions are averaged over them', async () => {
    await writeAgentRun(join(folder, 'seeds'), {
      ...small,
      arms: [1, 2].map((seed) => ({ ...voting('vote', 'a', 3), seed })),
    })
    const { page } = await report('seeds')
    expect(all(table(page), 'tbody tr')).toHaveLength(1)
    const grades = await Promise.all(
      [1, 2].map((seed) => linesOf<QuestionGrades>('seeds', `vote-seed-${seed}`, 'grades.jsonl')),
    )
    const right = grades.flat().filter((line) => line.grades['gsm8k']!.correct).length
    expect(sorted(page, 'vote', 'Accuracy')).toBeCloseTo(right / 80, 12)
  })

  it('beside arms that trained, in one page: loads of agents and of experts in the same figure', async () => {
    await writeAgentRun(join(folder, 'both'), { ...small, agents: example.agents, arms: example.arms.slice(-1) })
    await writeBakeoff(join(folder, 'both-experts'), { steps: 60, seeds: [1] })
    const path = await writeReport([join(folder, 'both'), join(folder, 'both-experts')], join(folder, 'both.html'))
    const page = parse(await readPage(path))
    expect(all(page, 'section').map(({ id }) => id)).toEqual(
      expect.arrayContaining(['comparison', 'transcripts', 'training', 'learning', 'balance']),
    )
    const maps = all(page, '#load-maps .arm-block').map((block) => tidy(block.querySelector('.arm-name')))
    expect(maps).toEqual(['route', 'top-k', 'switch'])
    expect(all(page, '#load-maps .plot').map((plot) => plot.getAttribute('data-column-title'))[0]).toBe('question')
  })

  it('a question that stands twice counts once', async () => {
    await writeAgentRun(join(folder, 'twice'), { ...small, questions: 10, arms: [single('one', 'a')] })
    const file = join(folder, 'twice', 'children', 'one', 'answers.jsonl')
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    const again = { ...(JSON.parse(lines[3]!) as QuestionResult), answer: null, failure: 'again' }
    await writeFile(file, `${[...lines, toJson(again)].join('\n')}\n`)
    const { page } = await report('twice')
    expect(sorted(page, 'one', 'Questions')).toBe(10)
    expect(sorted(page, 'one', 'No answer')).toBe(1)
  })
})
