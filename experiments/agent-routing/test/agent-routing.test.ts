// The experiment itself, on outcomes written by the test (a rule that can be learnt from the text) and, where the data is
// there, on a small part of it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runExperiment } from 'mixlab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseCsv } from '../csv.ts'
import { defaultFolder, hasData, readOutcomes } from '../data.ts'
import { drawCurves } from '../draw-curves.ts'
import experiment from '../experiment.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-routing-'))
  mkdirSync(join(folder, 'mmlu'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The weak model is right about short sums and wrong about long words; the strong one about everything. */
function writeData(): void {
  const row = (i: number) =>
    i % 2 === 0
      ? `"How much is ${i} plus ${i + 1}, ""please""?",True,True`
      : `"Explain, in order:\nphilosophical${i} ramifications of\nepistemology",False,True`
  const file = (from: number, count: number) =>
    ['prompt,weak,strong', ...Array.from({ length: count }, (_, i) => row(from + i))].join('\n')
  writeFileSync(join(folder, 'gsm8k_responses.csv'), file(0, 300))
  for (const [i, subject] of ['algebra', 'law', 'physics', 'virology'].entries())
    writeFileSync(join(folder, 'mmlu', `mmlu_${subject}.csv`), file(1000 * (i + 1), 60))
}

const configuration = {
  splits: 2,
  resamples: 40,
  controls: 2,
  routers: ['logistic', 'nearest-neighbours', { name: 'top-k', k: 1 }],
  features: { dimensions: 8 },
}

async function run(config: object) {
  const { path, result } = await runExperiment(experiment, { config: { ...config }, runs: join(folder, 'runs') })
  return { path, apgr: result['apgr'] as Record<string, Record<string, number>> }
}

describe('the experiment', () => {
  test('learns the rule, and nothing from shuffled outcomes', async () => {
    writeData()
    const { path, apgr } = await run({ ...configuration, data: folder, tasks: ['gsm8k', 'mmlu'] })
    // Half of the questions gain, none loses: the oracle's APGR is 0.75 but for the share of each test part.
    for (const task of ['gsm8k', 'mmlu']) {
      expect(apgr[task]!['oracle']).toBeCloseTo(0.75, 1)
      for (const router of ['logistic', 'nearest-neighbours', 'top-k'])
        expect(apgr[task]![router]).toBeGreaterThan(apgr[task]!['oracle']! - 0.02)
      expect(apgr[task]!['random']).toBeLessThan(0.65)
    }
    const table = readFileSync(join(path, 'artifacts/apgr.md'), 'utf8')
    expect(table).toContain('GSM8K: 300 questions, mixtral-8x7b 50.0 %, gpt-4-1106 100.0 %')
    expect(table).toContain('| lin-ucb, shuffled outcomes |')
    expect(existsSync(join(path, 'artifacts/accuracy-by-share.svg'))).toBe(true)
  }, 120_000)

  test('says where it looked when there is no data, and which row it cannot read', async () => {
    await expect(run({ data: join(folder, 'nowhere') })).rejects.toThrow('say where they are with --set data=FOLDER')
    const broken = join(folder, 'broken')
    mkdirSync(broken)
    writeFileSync(join(broken, 'gsm8k_responses.csv'), 'prompt,weak,strong\nq,True,True\nq,maybe,True\n')
    expect(() => readOutcomes('gsm8k', broken, null)).toThrow('row 3 is "maybe, True" where True or False was expected')
  })

  const real = hasData(defaultFolder) ? defaultFolder : process.env['MIXLAB_AGENT_ROUTING_DATA']
  if (!real) console.warn(`agent-routing: the published outcomes are not tested, they are not at ${defaultFolder}`)

  test.skipIf(!real)(
    'on published outcomes of GSM8K a router beats a random order',
    async () => {
      const outcomes = readOutcomes('gsm8k', real!, null)
      expect(outcomes.questions).toHaveLength(1319)
      const mean = (member: number) => outcomes.quality.reduce((sum, row) => sum + row[member]!, 0) / 1319
      expect(mean(0)).toBeCloseTo(0.638, 3)
      expect(mean(1)).toBeCloseTo(0.857, 3)
      const { apgr } = await run({ ...configuration, data: real, tasks: ['gsm8k'], features: {}, routers: ['lin-ucb'] })
      expect(apgr['gsm8k']!['lin-ucb']).toBeGreaterThan(0.58)
      expect(apgr['gsm8k']!['oracle']).toBeGreaterThan(1)
    },
    120_000,
  )
})

test('quoted fields: commas, quotes and lines within, a last line without an end, Windows lines', () => {
  expect(parseCsv('a,"b, ""c""\nd",e\r\n,"",f')).toEqual([
    ['a', 'b, "c"\nd', 'e'],
    ['', '', 'f'],
  ])
})

test('the drawing: one line for each curve and panel, axes of the data', () => {
  const curve = (label: string) => ({
    label,
    points: [
      [0, 0.6],
      [0.5, 0.8],
      [1, 0.7],
    ] as const,
  })
  const svg = drawCurves([
    { title: 'A & B', curves: [curve('x'), curve('y')] },
    { title: 'C', curves: [curve('x')] },
  ])
  expect(svg.match(/<polyline/g)).toHaveLength(3)
  expect(svg).toContain('A &amp; B')
  expect(svg).toContain('>80 %<')
  expect(svg).not.toContain('NaN')
})
