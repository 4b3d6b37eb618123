import { runInNewContext } from 'node:vm'
import type { Trial } from '@mixlab/studies'
import { parseHTML } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { renderSweepReport, sweepTable, type SweepReport } from '../../src/index.ts'
import { sweepScript } from '../../src/sweep/script.ts'
import { space, syntheticSweep } from '../synthetic-sweep.ts'

interface Page {
  querySelector(selector: string): Element | null
  querySelectorAll(selector: string): Iterable<Element>
}
interface Element extends Page {
  readonly textContent: string
  readonly id: string
  getAttribute(name: string): string | null
}

const all = (page: Page, selector: string): Element[] => [...page.querySelectorAll(selector)]
const tidy = (element: Element | null | undefined): string =>
  (element?.textContent ?? '').replaceAll(/[ \n]+/g, ' ').trim()
const text = (page: Page, selector: string): string => tidy(page.querySelector(selector))

/** Renders, and holds every page to this: nothing is fetched, no number is drawn that is none, ids are unique. */
function render(sweep: SweepReport): { source: string; page: Page } {
  const source = renderSweepReport(sweep)
  const page = (parseHTML(source) as unknown as { document: Page }).document
  const withoutNamespace = source.replaceAll('http://www.w3.org/2000/svg', '')
  expect(withoutNamespace.match(/https?:\/\//)?.[0]).toBeUndefined()
  expect(withoutNamespace.match(/src="|@import|url\((?!#)/)?.[0]).toBeUndefined()
  const drawings = source.match(/<svg[\s\S]*?<\/svg>/g) ?? []
  for (const drawing of drawings) expect(drawing.match(/[^"]*\b(?:NaN|undefined|Infinity)\b[^"]*/)?.[0]).toBeUndefined()
  expect(source).not.toContain('[object Object]')
  expect(text(page, '.lead').length).toBeGreaterThan(20)
  const ids = all(page, '[id]').map(({ id }) => id)
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
  for (const [i, caption] of all(page, 'figcaption').entries())
    expect(tidy(caption)).toMatch(new RegExp(String.raw`^Figure ${i + 1}\. .{20}`))
  return { source, page }
}

/** Points by hand: values[trial][seed] of one objective over one parameter. */
function points(values: readonly (readonly number[])[], more: Partial<SweepReport> = {}): SweepReport {
  const x = { kind: 'float', low: 0, high: 1 } as const
  return {
    name: 's',
    experiment: 'e',
    startedAt: '2026-11-30T09:00:00Z',
    status: 'finished',
    space: [{ name: 'x', distribution: x }],
    objectives: [{ name: 'loss', direction: 'minimize' }],
    trials: values.map((list, number): Trial => ({
      number,
      state: 'complete',
      parameters: { x: number / values.length },
      distributions: { x },
      values: [list.reduce((sum, value) => sum + value, 0) / list.length],
      intermediate: new Map(),
      userAttributes: {},
      systemAttributes: {},
    })),
    sampler: 'random',
    seeds: values[0]?.length ?? 1,
    pointSeeds: Object.fromEntries(values.map((list, number) => [number, { values: [list] }])),
    runs: {},
    infeasible: [],
    failures: [],
    ...more,
  }
}

describe('a sweep with successive halving', () => {
  const sweep = syntheticSweep({ seeds: 3 })
  const { page, source } = render(sweep)

  it('has every figure', () => {
    expect(all(page, 'figure').map(({ id }) => id)).toEqual([
      'history',
      'importances',
      'courses',
      'parallel',
      ...all(page, '#slices figure').map(({ id }) => id),
      ...all(page, '#pairs figure').map(({ id }) => id),
      'cost-activeParameters',
      'cost-flopsPerToken',
    ])
    expect(all(page, '#slices figure')).toHaveLength(6)
    expect(all(page, '#pairs figure')).toHaveLength(3)
    for (const figure of all(page, 'figure')) expect(figure.querySelector('svg path'), figure.id).not.toBeNull()
  })

  it('draws each trial once, where it ought to be', () => {
    const complete = sweep.trials.filter(({ state }) => state === 'complete').map(({ number }) => number)
    const lines = all(page, '#parallel [data-trials]').map((line) => Number(line.getAttribute('data-trials')))
    expect(lines.toSorted((a, b) => a - b)).toEqual(complete)
    const courses = all(page, '#courses [data-trials]').map((line) => Number(line.getAttribute('data-trials')))
    expect(courses.toSorted((a, b) => a - b)).toEqual(sweep.trials.map(({ number }) => number))
    const history = all(page, '#history path.dots').flatMap((path) => {
      const xs = [...path.getAttribute('d')!.matchAll(/M([\d.]+)/g)].map((match) => Number(match[1]))
      return path
        .getAttribute('data-trials')!
        .split(' ')
        .map((number, i) => ({ number: Number(number), x: xs[i]! }))
    })
    expect([...new Set(history.map(({ number }) => number))].toSorted((p, q) => p - q)).toEqual(complete)
    const [first, last] = [history[0]!, history.findLast(({ number }) => number !== history[0]!.number)!]
    const slope = (last.x - first.x) / (last.number - first.number)
    for (const { number, x } of history) expect(x).toBeCloseTo(first.x + slope * (number - first.number), 0)
    for (const path of all(page, 'path.dots'))
      expect(path.getAttribute('d')!.split('M').length - 1).toBe(path.getAttribute('data-trials')!.split(' ').length)
  })

  it('names the rungs and says what stopping saved', () => {
    expect(all(page, '#courses .rung').map(tidy)).toEqual(['60', '180', '540'])
    const last = ({ intermediate }: Trial): number => Math.max(...intermediate.keys())
    const ended = sweep.trials.filter(({ state }) => state !== 'failed')
    const share = 1 - ended.reduce((sum, trial) => sum + last(trial), 0) / (ended.length * 1620)
    expect(text(page, '.facts')).toContain(`Steps saved by stopping ${(100 * share).toFixed(0)}\u202f%`)
  })

  it('judges parameters by the last rung that enough trials reached', () => {
    const at180 = sweep.trials.filter(({ intermediate }) => intermediate.has(180)).length
    expect(text(page, '#importances figcaption')).toContain(`${at180} trials that reached step 180`)
    expect(all(page, '#slices figure .dots')[0]!.getAttribute('data-trials')!.split(' ').length).toBeLessThanOrEqual(
      at180,
    )
  })

  it('links to the runs', () => {
    const links = all(page, '#best tbody tr:first-child a').map((link) => link.getAttribute('href'))
    const best = text(page, '#best tbody tr:first-child th').padStart(4, '0')
    expect(links).toEqual([1, 2, 3].map((seed) => `../runs/sparsity-sweep/trial-${best}-seed-${seed}/report.html`))
  })

  it('is the same page every time', () => {
    expect(renderSweepReport(syntheticSweep({ seeds: 3 }))).toBe(source)
  })
})

describe('what is claimed', () => {
  it('gives means and Student intervals over seeds', () => {
    const { page } = render(
      points([
        [1, 1.2, 1.1],
        [2, 2.4, 2.2],
      ]),
    )
    // t(0.975, 2) = 4.3027, standard error 0.1 / √3.
    expect(text(page, '#best tbody tr:first-child td')).toBe('1.10± 0.25')
  })

  it('names a winner only outside the noise', () => {
    const clear = render(
      points([
        [2, 2.01, 2.02],
        [1, 1.01, 1.02],
        [3, 3.01, 3.02],
      ]),
    ).page
    expect(text(clear, '.lead')).toMatch(/^Trial 1 .* is more than noise\.$/)
    expect(text(clear, '#best td.best')).toMatch(/^1\.010/)

    const tied = render(
      points([
        [2, 2.01, 2.02],
        [1, 1.2, 1.4],
        [1.1, 1.2, 1.5],
      ]),
    ).page
    expect(text(tied, '.lead')).toContain('do not single it out: the noise does not tell it from trial 2')
    expect(text(tied, '.lead')).toContain('separated from the other 1')
    expect(all(tied, '#best td.best')).toEqual([])

    const once = render(points([[2], [1], [3]])).page
    expect(text(once, '.lead')).toContain('Every point has a single seed')
    expect(all(once, '#best td.best')).toEqual([])
    expect(text(render(points([[2]])).page, '.lead')).toContain('the only trial')
  })

  it('does not let one lucky seed win', () => {
    const { page } = render(
      points([
        [2, 2.1],
        [1, NaN],
        [1.5, Infinity],
      ]),
    )
    expect(text(page, '.lead')).toMatch(/^Trial 0 /)
    expect(text(page, '.lead .bad')).toContain('2 complete trials had a value that is not a finite number')
    expect(all(page, '#record td.bad').map(tidy)).toEqual([
      'complete, 1 of 2 not finite',
      'complete, 1 of 2 not finite',
    ])
  })

  it('maximises what is to be maximised', () => {
    const sweep = points(
      [
        [1, 1.01],
        [3, 3.01],
        [2, 2.01],
      ],
      { objectives: [{ name: 'accuracy', direction: 'maximize' }] },
    )
    const { page } = render(sweep)
    expect(text(page, '.lead')).toMatch(/^Trial 1 .* has the highest accuracy/)
    expect(all(page, '#best tbody th').map(tidy)).toEqual(['1', '2', '0'])
  })

  it('shows a front and its volume', () => {
    const two = points([[1], [2], [3], [3]], {
      objectives: [
        { name: 'loss', direction: 'minimize' },
        { name: 'speed', direction: 'maximize' },
      ],
      pointSeeds: Object.fromEntries(
        [
          [1, 1],
          [2, 5],
          [3, 4],
          [4, 0],
        ].map((pair, i) => [i, { values: pair.map((value) => [value]) }]),
      ),
    })
    const { page } = render(two)
    // From the worst values (4, 0): (1, 1) gives 3 · 1, (2, 5) adds 2 · 4.
    expect(text(page, '.lead')).toMatch(
      /^2 of 4 complete trials are on the Pareto front, which dominates a hypervolume of 11:/,
    )
    expect(all(page, '#best tbody tr').map((row) => text(row, 'td:nth-of-type(3)'))).toEqual([
      'front',
      'front',
      'dominated',
      'dominated',
    ])
    expect(all(page, '#best figure')).toHaveLength(1)
    expect(all(render(syntheticSweep({ objectives: 3, asha: false })).page, '#best figure')).toHaveLength(3)
  })

  it('compares at equal cost', () => {
    const sweep = syntheticSweep({ asha: false, trials: 40 })
    const flat = Object.fromEntries(
      Object.keys(sweep.cost!).map((number, i) => [
        number,
        { activeParameters: 1e6 + i, totalParameters: 2e6, flopsPerToken: 6e6 },
      ]),
    )
    const { page } = render({ ...sweep, cost: flat })
    expect(all(page, '#cost figure').map(({ id }) => id)).toEqual(['cost-equal'])
    expect(text(page, '#cost-equal figcaption')).toContain('1\u202fM to 1\u202fM active parameters')
    expect(all(render(sweep).page, '#cost figure').map(({ id }) => id)).toEqual([
      'cost-activeParameters',
      'cost-flopsPerToken',
    ])
  })
})

describe('whatever was left', () => {
  const base = syntheticSweep({ trials: 12 })
  const evil = `<script>alert("x")</script><img src=x onerror='alert(1)'>&amp;${'long'.repeat(60)}`
  /** Nothing of it is cut. */
  const short = '</script><i>'
  const nothing: Partial<Trial> = { state: 'running', values: [], intermediate: new Map() }

  it.each<[string, SweepReport]>([
    ['no trial', { ...base, trials: [], runs: {}, pointSeeds: {}, status: 'running' }],
    ['one trial', points([[1]])],
    ['two equal trials', points([[1], [1]])],
    ['only running ones', { ...base, trials: base.trials.map((trial) => ({ ...trial, ...nothing })), pointSeeds: {} }],
    ['only failed ones', { ...base, trials: base.trials.map((trial) => ({ ...trial, state: 'failed' as const })) }],
    ['only stopped ones', { ...base, trials: base.trials.map((trial) => ({ ...trial, state: 'pruned' as const })) }],
    ['nothing finite', points([[NaN], [Infinity], [-Infinity]])],
    ['a divergence', points([[1], [1.1], [1.2], [1.15], [1e30], [1.05]])],
    ['negative and zero values', points([[-1], [0], [1], [-0.5]])],
    ['values of the size of nothing', points([[1e-12], [2e-12], [1.5e-12], [3e-12], [5e-12]])],
    [
      'no parameters',
      points([[1], [2], [3], [4]], {
        space: [],
        trials: points([[1], [2], [3], [4]]).trials.map((trial) => ({ ...trial, parameters: {}, distributions: {} })),
      }),
    ],
    ['a space that only the trials know', { ...syntheticSweep({ asha: false, trials: 30 }), space: [] }],
    [
      'a single choice',
      points([[1], [2]], { space: [{ name: 'x', distribution: { kind: 'categorical', choices: ['a'] } }] }),
    ],
    ['twelve parameters', syntheticSweep({ parameters: 12, trials: 30, asha: false })],
    ['three objectives, two trials', syntheticSweep({ objectives: 3, trials: 2, asha: false })],
    [
      'curves that are not numbers',
      {
        ...base,
        trials: base.trials.map((trial) => ({
          ...trial,
          intermediate: new Map([
            [1, NaN],
            [2, Infinity],
          ]),
        })),
      },
    ],
    ['no rungs, no costs, no runs', { ...base, rungs: [], cost: {}, runs: {} }],
  ])('%s', (_name, sweep) => {
    render(sweep)
    expect(sweepTable(sweep, { width: 80, color: false }).length).toBeGreaterThan(40)
  })

  it('escapes names, reasons and choices', () => {
    const sweep = points([[1], [2], [3], [1.5]], {
      name: evil,
      experiment: evil,
      summary: evil,
      command: evil,
      objectives: [{ name: evil, direction: 'minimize' }],
      space: [{ name: evil, distribution: { kind: 'categorical', choices: [evil, short] } }],
      trials: points([[1], [2], [3], [1.5]]).trials.map((trial, i) => ({
        ...trial,
        parameters: { [evil]: i % 2 ? short : evil },
      })),
      infeasible: [{ parameters: { [evil]: evil }, reason: evil }],
      failures: [{ number: 1, reason: evil }],
      runs: { 0: [{ path: 'a b', report: `javascript:alert(1)/"x"?#.html`, seed: 1, status: evil }] },
    })
    const { page } = render(sweep)
    expect(all(page, 'script')).toHaveLength(2)
    expect(all(page, 'img')).toEqual([])
    expect(text(page, 'h1')).toBe(evil)
    const href = page.querySelector('#best a')!.getAttribute('href')!
    expect(new URL(href, 'file:///sweep/report.html').protocol).toBe('file:')
    const data = JSON.parse(page.querySelector('#trials')!.textContent) as { trials: Record<string, [string]> }
    expect(Object.keys(data.trials)).toHaveLength(4)
  })

  it('curves of many trials are thinned, but not at the rungs', () => {
    const { page } = render(syntheticSweep({ trials: 400, parameters: 3 }))
    const xs = (path: Element): string[] => [...path.getAttribute('d')!.matchAll(/[ML]([\d.]+)/g)].map((m) => m[1]!)
    const rungs = all(page, '#courses path[stroke-dasharray]').map((path) => xs(path)[0]!)
    expect(rungs).toHaveLength(3)
    const whole = all(page, '#courses .line').filter((line) => line.getAttribute('stroke') !== 'var(--faint)')
    expect(whole.length).toBeGreaterThan(10)
    for (const line of whole) {
      expect(xs(line)).toEqual(expect.arrayContaining(rungs))
      expect(xs(line).length).toBeLessThan(70)
    }
  })

  it('a thousand trials over twelve parameters stay below 3 MB', { timeout: 120_000 }, () => {
    const { source, page } = render(syntheticSweep({ trials: 1000, parameters: space.length, asha: false }))
    expect(source.length).toBeLessThan(3_000_000)
    expect(all(page, '#record tbody tr[data-trial]')).toHaveLength(1000)
    // The worst lie below, and faint.
    const opacity = all(page, '#parallel [data-trials]').map((line) => Number(line.getAttribute('stroke-opacity')))
    expect(opacity[0]).toBeLessThan(0.1)
    expect(opacity.at(-1)).toBe(0.9)
  })
})

describe('in a terminal', () => {
  it('says the same in as many columns as fit', () => {
    const sweep = syntheticSweep({ seeds: 3 })
    const { page } = render(sweep)
    for (const width of [60, 90, 140]) {
      const lines = sweepTable(sweep, { width, color: false }).split('\n')
      for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(width)
      expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain(
        text(page, '.lead').replaceAll(/\s+/g, ' ').slice(0, 200),
      )
    }
    const wide = sweepTable(sweep, { width: 140, color: false }).split('\n')
    const rows = wide.slice(wide.findIndex((line) => line.includes('trial ')) + 1, wide.indexOf('', 2))
    expect(rows.slice(0, 10).map((row) => row.trim().split(' ')[0])).toEqual(
      all(page, '#best tbody th').slice(0, 10).map(tidy),
    )
    expect(sweepTable(sweep, { width: 60, color: false })).toMatch(/columns do not fit/)
    expect(sweepTable(sweep, { width: 60, color: true })).toContain('\u001b[1m')
  })
})

it('the inline script is a script, and holds nothing that would end its element', () => {
  expect(() => runInNewContext(`(() => { return () => ${sweepScript} })()`)).not.toThrow()
  expect(sweepScript).not.toMatch(/<\/script|<!--/i)
})
