import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { parseHTML } from 'linkedom'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeReport } from '../src/index.ts'
import { script } from '../src/script.ts'
import { bakeoffArms, trainingEvents, writeBakeoff, writeRun } from './synthetic-run.ts'

interface Page {
  querySelector(selector: string): Element | null
  querySelectorAll(selector: string): Iterable<Element>
}
interface Element extends Page {
  readonly textContent: string
  readonly id: string
  getAttribute(name: string): string | null
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixlab-report-'))
})
afterAll(() => rm(folder, { recursive: true }))

const parse = (text: string): Page => (parseHTML(text) as unknown as { document: Page }).document
const all = (page: Page, selector: string): Element[] => [...page.querySelectorAll(selector)]
const tidy = (element: Element | null | undefined): string =>
  (element?.textContent ?? '').replaceAll(/\s+/g, ' ').trim()
const text = (page: Page, selector: string): string => tidy(page.querySelector(selector))

async function report(...names: string[]): Promise<{ source: string; page: Page }> {
  const path = await writeReport(names.map((name) => join(folder, name)))
  const source = await readFile(path, 'utf8')
  return { source, page: parse(source) }
}

/** Nothing may be fetched, and no number may be drawn that is none. */
function expectSound(source: string): void {
  const withoutNamespace = source.replaceAll('http://www.w3.org/2000/svg', '')
  expect(withoutNamespace.match(/https?:\/\//)?.[0]).toBeUndefined()
  expect(withoutNamespace.match(/(?:src|href)="(?!#|data:,")/)?.[0]).toBeUndefined()
  expect(withoutNamespace.match(/@import|url\((?!#)/)?.[0]).toBeUndefined()
  expect(source.match(/="[^"<>]*\b(?:NaN|undefined|Infinity)\b[^"<>]*"/)?.[0]).toBeUndefined()
  expect(source).not.toContain('[object Object]')
}

describe('a bake-off of three arms and two seeds', () => {
  let source: string
  let page: Page
  beforeAll(async () => {
    await writeBakeoff(join(folder, 'bakeoff'))
    ;({ source, page } = await report('bakeoff'))
  })

  it('is one file in the run directory that needs nothing else', async () => {
    expectSound(source)
    expect(source.length).toBeLessThan(1_000_000)
    expect(await readdir(join(folder, 'bakeoff'))).toEqual(expect.arrayContaining(['report.html', 'run.json']))
    expect((await readdir(join(folder, 'bakeoff'))).filter((name) => name.includes('tmp'))).toEqual([])
  })

  it('has every figure, each with a drawing and a sentence, numbered in order', () => {
    const figures = all(page, 'figure')
    expect(figures.map((figure) => figure.id)).toEqual([
      'losses',
      'final-losses',
      'gradient-norm',
      'learning-rate',
      'throughput',
      'entropy',
      'max-violation',
      'dropped',
      'loss-balance',
      'loss-z',
      'load-maps',
      'matrices-domain-specialization',
      'matrices-expert-load',
      'matrices-co-activation',
      'matrices-routing-saturation',
    ])
    for (const [i, figure] of figures.entries()) {
      expect(figure.querySelector('svg path, svg circle'), figure.id).not.toBeNull()
      expect(text(figure, 'figcaption')).toMatch(new RegExp(String.raw`^Figure ${i + 1}\. .{40}`))
    }
  })

  it('groups children into arms with their seeds', () => {
    const rows = all(page, '#comparison tbody tr')
    expect(rows.map((row) => text(row, 'th .long'))).toEqual(['dense', 'top-k', 'switch'])
    expect(rows.map((row) => text(row, 'td[data-sort="2"]'))).toEqual(['2', '2', '2'])
    expect(all(page, '#load-maps .arm-name').map(tidy)).toEqual(['top-kseed 1', 'switchseed 1'])
    // Two arms, three layers.
    expect(all(page, '#load-maps svg.plot')).toHaveLength(6)
  })

  it("gives each arm the mean of its seeds' last validation losses", async () => {
    for (const [i, arm] of bakeoffArms.entries()) {
      const finals = await Promise.all(
        [1, 2].map(async (seed) => {
          const lines = (
            await readFile(join(folder, 'bakeoff', 'children', `${arm.name}-seed-${seed}`, 'events.jsonl'), 'utf8')
          ).split('\n')
          const line = lines.findLast((one) => one.includes('"validation"'))
          return (JSON.parse(line ?? '') as { metrics: { loss: number } }).metrics.loss
        }),
      )
      const shown = all(page, '#comparison tbody tr')[i]!.querySelector('td:nth-of-type(3)')
      expect(Number(shown?.getAttribute('data-sort'))).toBeCloseTo((finals[0]! + finals[1]!) / 2, 10)
      // Two seeds: t(0.975, 1) = 12.706, standard error |a − b| / 2.
      const half = (12.7062 * Math.abs(finals[0]! - finals[1]!)) / 2
      expect(Number(/± ([\d.]+)$/.exec(tidy(shown))?.[1])).toBeCloseTo(half, 2)
    }
  })

  it('shows what differs between the arms and how to run it again', () => {
    expect(all(page, '#configuration thead code').map(tidy)).toContain('model.mixture.router.name')
    expect(text(page, '#record pre')).toBe('mixlab run experiments/router-bakeoff')
  })

  it('draws the same page from the same run', async () => {
    expect((await report('bakeoff')).source).toBe(source)
  })
})

describe('what is claimed', () => {
  it('marks the best only outside the noise', async () => {
    const arms = [
      { name: 'near', floor: 1.7, skew: 0.2 },
      { name: 'far', floor: 2.4, skew: 0.2 },
    ]
    await writeBakeoff(join(folder, 'clear'), { arms, seeds: [1, 2, 3], steps: 100, noise: 0.002 })
    const clear = (await report('clear')).page
    expect(text(clear, '.lead')).toContain('excludes zero')
    const [near, far] = all(clear, '#comparison tbody tr')
    expect(near?.querySelector('td:nth-of-type(3).best')).not.toBeNull()
    expect(far?.querySelector('td:nth-of-type(3).best')).toBeNull()

    await writeBakeoff(join(folder, 'tied'), {
      arms: [arms[0]!, { ...arms[0]!, name: 'twin' }],
      seeds: [1, 2, 3],
      steps: 100,
      noise: 0.2,
    })
    const tied = (await report('tied')).page
    expect(text(tied, '.lead')).toContain('within the noise')
    expect(all(tied, '#comparison tbody tr td:nth-of-type(3).best')).toEqual([])

    await writeBakeoff(join(folder, 'one-seed'), { arms, seeds: [1], steps: 100 })
    const once = (await report('one-seed')).page
    expect(text(once, '.lead')).toContain('Every arm has a single seed')
    expect(all(once, 'td.best')).toEqual([])
  })

  it('does not rank an arm that looks ahead', async () => {
    const arms = [
      { name: 'expert-choice', floor: 1.2, skew: 0.1 },
      { name: 'top-k', floor: 1.7, skew: 0.2 },
      { name: 'switch', floor: 2.2, skew: 0.2 },
    ]
    await writeBakeoff(join(folder, 'ahead'), { arms, seeds: [1, 2, 3], steps: 100, noise: 0.001 })
    const { page } = await report('ahead')
    expect(text(page, '.lead b')).toBe('top-k')
    expect(text(page, '.lead .bad')).toMatch(/^expert-choice \(1\.\d+\) failed the causality check/)
    expect(text(page, '#comparison tbody tr th small')).toBe('looks ahead')
  })
})

describe('whatever was left', () => {
  it('escapes names, messages and configuration', async () => {
    const evil = `<script>alert("x")</script><img src=x onerror='alert(1)'>&amp;`
    await writeRun(
      join(folder, 'evil'),
      {
        id: 'evil',
        name: evil,
        summary: evil,
        seed: 1,
        config: { [evil]: evil },
        experiment: evil,
        command: ['mixlab', 'run', "it's.ts"],
      },
      [
        ...trainingEvents({ name: evil, floor: 2, skew: 1 }, 1, { steps: 40 }),
        { type: 'warning', time: 0, message: `${evil}\u0000` },
        {
          type: 'eval.result',
          time: 0,
          step: 1,
          evaluator: evil,
          metrics: { [evil]: 1 },
          matrices: { m: { title: evil, rows: [evil], columns: [evil], values: [[1]] } },
        },
      ],
    )
    const { source, page } = await report('evil')
    expect(all(page, 'script')).toHaveLength(1)
    expect(all(page, 'img')).toHaveLength(0)
    // In a quoted attribute a less-than sign is text.
    expect(source.replaceAll(/="[^"]*"/g, '')).not.toContain('<script>alert')
    expect(text(page, 'h1')).toBe(evil)
    expect(text(page, '#record pre')).toBe(String.raw`mixlab run 'it'\''s.ts'`)
  })

  it.each([
    ['no events', []],
    ['a start only', [{ type: 'run.started' as const, time: 0, experiment: 'e', config: {}, seed: 1, engine: 'cpu' }]],
    ['one step', trainingEvents(bakeoffArms[1]!, 1, { steps: 1, every: 1 })],
    ['two steps', trainingEvents(bakeoffArms[1]!, 1, { steps: 2, every: 1 })],
    ['one expert', trainingEvents(bakeoffArms[1]!, 1, { steps: 20, experts: 1 })],
    ['no training', trainingEvents(bakeoffArms[1]!, 1, { steps: 20 }).filter(({ type }) => type !== 'train.step')],
    [
      'no losses',
      trainingEvents(bakeoffArms[1]!, 1, { steps: 20 }).map((one) =>
        one.type === 'train.step' ? { ...one, losses: {} } : one,
      ),
    ],
    [
      'nothing finite',
      trainingEvents(bakeoffArms[1]!, 1, { steps: 20 }).map((one) =>
        one.type === 'train.step' ? { ...one, loss: NaN, gradientNorm: NaN, losses: { crossEntropy: NaN } } : one,
      ),
    ],
    [
      'a divergence',
      trainingEvents(bakeoffArms[1]!, 1, { steps: 60 }).map((one, i) =>
        one.type === 'train.step' && i > 40
          ? { ...one, loss: Infinity, gradientNorm: 1e30, losses: { crossEntropy: 1e30 } }
          : one,
      ),
    ],
    [
      'a nothing matrix',
      [
        {
          type: 'eval.result' as const,
          time: 0,
          step: 1,
          evaluator: 'empty',
          metrics: {},
          matrices: {
            a: { title: 'a', rows: [], columns: [], values: [] },
            b: { title: 'b', rows: ['r'], columns: ['c'], values: [[null]] },
          },
        },
      ],
    ],
  ])('%s', async (name, events) => {
    await writeRun(join(folder, name), { id: name, seed: 1, config: {}, status: 'failed', error: 'it broke' }, events)
    const { source, page } = await report(name)
    expectSound(source)
    expect(text(page, '.lead').length).toBeGreaterThan(10)
    expect(text(page, '#record .messages')).toContain('it broke')
  })

  it('a log that was cut in half, one with garbage in it, none at all', async () => {
    const path = join(folder, 'cut')
    await writeRun(
      path,
      { id: 'cut', seed: 1, config: {}, status: 'interrupted' },
      trainingEvents(bakeoffArms[1]!, 1, { steps: 30 }),
    )
    const whole = await readFile(join(path, 'events.jsonl'), 'utf8')
    await writeFile(join(path, 'events.jsonl'), whole.slice(0, -20))
    expect(text((await report('cut')).page, '#comparison td.bad')).toBe('interrupted')

    const lines = whole.split('\n')
    await writeFile(join(path, 'events.jsonl'), [...lines.slice(0, 20), '{"type":', ...lines.slice(20)].join('\n'))
    const { page } = await report('cut')
    expect(text(page, '#record .messages')).toContain('the events end here')
    expect(page.querySelector('#losses')).not.toBeNull()

    await rm(join(path, 'events.jsonl'))
    expect(text((await report('cut')).page, '#record')).toContain('No events were recorded')
  })

  it('sixty arms with very long names and many steps, within a bounded size', async () => {
    const arms = Array.from({ length: 60 }, (_, i) => ({
      name: `arm-${'long'.repeat(40)}-${i}-end`,
      floor: 1.6 + i / 50,
      skew: 0.3,
    }))
    await writeBakeoff(join(folder, 'many'), { arms, seeds: [1], steps: 300, layers: 6, experts: 16 })
    const { source, page } = await report('many')
    expectSound(source)
    expect(source.length).toBeLessThan(3_000_000)
    expect(all(page, '#comparison tbody tr')).toHaveLength(60)
    expect(text(page, '#load-maps figcaption')).toContain('The 8 arms with the lowest loss')
  })

  it('several runs given at once, into a file of the caller’s choice', async () => {
    for (const [i, arm] of bakeoffArms.entries()) {
      await writeRun(
        join(folder, `run-${i}`),
        { id: `20261124-051530-run${i}`, seed: 1, config: { router: { name: arm.name } } },
        trainingEvents(arm, 1, { steps: 60 }),
      )
    }
    const out = join(folder, 'elsewhere', 'both.html')
    expect(
      await writeReport(
        [0, 1, 2].map((i) => join(folder, `run-${i}`)),
        out,
      ),
    ).toBe(out)
    const page = parse(await readFile(out, 'utf8'))
    expect(all(page, '#comparison tbody th .long').map(tidy)).toEqual(['name=dense', 'name=top-k', 'name=switch'])
  })

  it('names what is not a run', async () => {
    await expect(writeReport([join(folder, 'nowhere')])).rejects.toThrow(/not a run directory/)
    await expect(writeReport([])).rejects.toThrow(/at least one run/)
  })
})

it('the inline script is a script, and holds nothing that would end its element', () => {
  expect(() => runInNewContext(`(() => { return () => ${script} })()`)).not.toThrow()
  expect(script).not.toMatch(/<\/script|<!--/i)
})
