// Routes that follow the domain, or do not, in texts whose domains are labelled token by token.
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { mutualInformation } from '../src/domain-specialization.ts'
import { domainSpecialization } from '../src/index.ts'
import { corpusOf, range, repeated, routedModel, run, startCpu } from './scripted.ts'

beforeAll(startCpu)

const near = (value: number): unknown => expect.closeTo(value, 10)

/** Ids are 4 · domain + i. The last token is a target only. */
const labelled = (counts: readonly number[]) => {
  const labels = repeated(counts)
  const tokens = labels.map((domain, index) => 4 * domain + (index % 4))
  return corpusOf([...tokens, 0], { domains: counts.map((_, domain) => `d${domain}`), labels: [...labels, 0] })
}

describe('domain-specialization', () => {
  test('N(E, D) / N_D for two experts a token and windows across domains', async () => {
    // 10 tokens of d0, 6 of d1 in two windows of 8. Layer 0: d0 to experts 0 and i mod 2 + 1, d1 to 3 and i mod 2 + 1.
    const choose = (token: number, layer: number) =>
      layer === 0 ? [token < 4 ? 0 : 3, (token % 2) + 1] : [token % 4, ((token % 4) + 1) % 4]
    using model = routedModel({ layers: 2, k: 2, members: 4 }, choose)
    const corpus = labelled([10, 6])
    const { metrics, matrices } = await run(domainSpecialization, model, corpus, { config: { batches: 1 } })
    expect(matrices!['layer-0']).toMatchObject({
      rows: ['d0', 'd1'],
      columns: ['copy 0', 'copy 1', 'copy 2', 'copy 3'],
      values: [
        [1, 0.5, 0.5, 0],
        [0, 0.5, 0.5, 1],
      ],
      baseline: 0.5,
    })
    // Ten tokens 0 1 2 3 0 1 2 3 0 1, then six 2 3 0 1 2 3: expert e has the tokens of e and of e − 1.
    expect(matrices!['layer-1']!.values).toEqual([
      [3 + 2, 3 + 3, 2 + 3, 2 + 2].map((count) => count / 10),
      [1 + 2, 1 + 1, 2 + 1, 2 + 2].map((count) => count / 6),
    ])
    // Half of the pairs tell the domain, the other half nothing.
    expect(metrics['layer-0/mutualInformation']).toBeCloseTo(0.5, 10)
    expect(metrics['mutualInformation']).toBeCloseTo((0.5 + metrics['layer-1/mutualInformation']!) / 2, 10)
  })

  test.each([
    { counts: [8, 8], bits: 1 },
    { counts: [2, 14], bits: 1 },
    { counts: [1, 2, 4, 9], bits: 2 },
  ])('experts that are the domains tell all of it, however long the domains: $counts', async ({ counts, bits }) => {
    using model = routedModel({ k: 1, members: 4 }, (token) => [Math.floor(token / 4)])
    const { metrics, matrices } = await run(domainSpecialization, model, labelled(counts), { config: { batches: 1 } })
    expect(metrics['mutualInformation']).toBeCloseTo(bits, 10)
    expect(matrices!['layer-0']!.values).toEqual(counts.map((_, domain) => range(4).map((e) => Number(e === domain))))
    expect(matrices!['layer-0']!.baseline).toBe(1 / 4)
  })

  test('experts that ignore the domain tell nothing', async () => {
    using model = routedModel({ k: 1, members: 4 }, (token) => [token % 4])
    const { metrics, matrices } = await run(domainSpecialization, model, labelled([8, 8]), { config: { batches: 1 } })
    expect(metrics['mutualInformation']).toBeCloseTo(0, 10)
    expect(matrices!['layer-0']!.values).toEqual([range(4).map(() => near(0.25)), range(4).map(() => near(0.25))])
  })

  test('the label is that of the place in the text; a domain outside the windows has no shares and does not count', async () => {
    // The windows are the tokens 0 … 7 and 12 … 19, in batches of their own: all of d0, none of d1, all of d2.
    using model = routedModel({ k: 1, members: 4 }, (token) => [Math.floor(token / 4)])
    const options = { batchSize: 1, config: { batches: 2 } }
    const { metrics, matrices } = await run(domainSpecialization, model, labelled([8, 4, 8]), options)
    expect(matrices!['layer-0']!.values).toEqual([
      [1, 0, 0, 0],
      [null, null, null, null],
      [0, 0, 1, 0],
    ])
    expect(metrics['mutualInformation']).toBeCloseTo(1, 10)
  })

  test.each([
    ['', 'all'],
    ['song', 'song'],
  ])('one domain, called %j: its row is the load', async (name, row) => {
    using model = routedModel({ k: 1, members: 4 }, (token) => [token])
    const corpus = corpusOf([...repeated([8, 4, 2, 2]), 0], { domains: [name] })
    const { metrics, matrices } = await run(domainSpecialization, model, corpus, { config: { batches: 1 } })
    expect(matrices!['layer-0']).toMatchObject({ rows: [row], values: [[1 / 2, 1 / 4, 1 / 8, 1 / 8]] })
    expect(metrics).toEqual({ 'layer-0/mutualInformation': 0, mutualInformation: 0 })
  })

  test('what a capacity limit drops is missing from the shares and from the baseline', async () => {
    // Each batch of 16 pairs leaves a member ⌈0.5 · 16/4⌉ = 2; all of d0 wants expert 0, all of d1 expert 1.
    const capacity = { factor: 0.5, evaluation: 'same' }
    using model = routedModel({ k: 1, members: 4, capacity }, (token) => [Math.floor(token / 4)])
    const { matrices } = await run(domainSpecialization, model, labelled([10, 6]), { config: { batches: 1 } })
    expect(matrices!['layer-0']).toMatchObject({
      values: [
        [2 / 10, 0, 0, 0],
        [0, 2 / 6, 0, 0],
      ],
      baseline: 4 / 16 / 4,
    })
  })
})

describe('mutual information', () => {
  const tables = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 })).chain(([domains, experts]) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: experts, maxLength: experts }), {
      minLength: domains,
      maxLength: domains,
    }),
  )
  const sum = (row: readonly number[]) => row.reduce((total, value) => total + value, 0)
  const entropy = (shares: readonly number[]) => sum(shares.map((p) => (p > 0 ? -p * Math.log2(p) : 0)))

  test('is H(domain) + H(expert) − H(domain, expert) of the table with equal rows', () =>
    fc.assert(
      fc.property(tables, (counts) => {
        const rows = counts.filter((row) => sum(row) > 0)
        const joint = rows.map((row) => row.map((count) => count / sum(row) / rows.length))
        const marginal = counts[0]!.map((_, expert) => sum(joint.map((row) => row[expert]!)))
        const wanted = rows.length === 0 ? 0 : Math.log2(rows.length) + entropy(marginal) - entropy(joint.flat())
        const bits = mutualInformation(counts)
        expect(bits).toBeCloseTo(wanted, 8)
        expect(bits).toBeGreaterThan(-1e-9)
        expect(bits).toBeLessThan(Math.log2(Math.max(1, Math.min(rows.length, counts[0]!.length))) + 1e-9)
      }),
    ))

  test('does not depend on how much text a domain has', () =>
    fc.assert(
      fc.property(tables, fc.integer({ min: 2, max: 9 }), (counts, factor) => {
        const longer = counts.map((row, domain) => (domain === 0 ? row.map((count) => count * factor) : row))
        expect(mutualInformation(longer)).toBeCloseTo(mutualInformation(counts), 8)
      }),
    ))

  test('of no counts at all is 0', () => {
    expect(mutualInformation([])).toBe(0)
    expect(mutualInformation([[0, 0]])).toBe(0)
  })
})
