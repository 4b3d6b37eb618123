// What calls cost: from what the provider counted, the price and nothing else.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addCosts, type Cost, listPrices, loadPrices, noCost, usageCost } from '@mixlab/agents'
import { temporaryFolder } from './folder.ts'
import { agentOf, callerOf, callOf, chatModel, reply } from './models.ts'

const none = { input: () => 0, output: () => 0 }
const price = { input: 2.5, cachedInput: 1.25, output: 10, currency: 'USD' }

test('billed with the provider’s cache discount, logical without it', () => {
  const cost = usageCost(
    { inputTokens: 1_000_000, cachedInputTokens: 400_000, outputTokens: 100_000, reasoningTokens: 60_000 },
    none,
    price,
  )
  expect(cost).toEqual({
    inputTokens: 1_000_000,
    cachedInputTokens: 400_000,
    outputTokens: 100_000,
    reasoningTokens: 60_000,
    estimated: false,
    billed: 0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10,
    logical: 2.5 + 1,
    currency: 'USD',
  })
})

test('without a price there is no money, not none of it', () => {
  const cost = usageCost({ inputTokens: 5, outputTokens: 5 }, none)
  expect(cost).not.toHaveProperty('billed')
  expect(cost).not.toHaveProperty('logical')
})

test('tokens that were not told are the model’s own count, else a quarter of the bytes, and marked', async () => {
  const usage = {}
  const count = (text: string) => text.split(' ').length
  for (const [countTokens, expected] of [
    [undefined, { inputTokens: 8 + 4 + 3, outputTokens: 5 }],
    [count, { inputTokens: 5 + 4 + 3, outputTokens: 3 }],
  ] as const) {
    const model = {
      ...chatModel({ generate: async () => reply('größer als fünf', { usage }) }),
      ...(countTokens && { countTokens }),
    }
    await using caller = callerOf([agentOf('a', model)])
    const { cost } = await caller.call(callOf('q/s', 'what is greater than twentynine?'))
    expect(cost).toMatchObject({ ...expected, estimated: true })
  }
})

test('sums: an unknown part makes a lower bound, and only unknown parts make an unknown sum', () => {
  const known: Cost = usageCost({ inputTokens: 1000, outputTokens: 100 }, none, price)
  const unknown: Cost = usageCost({ inputTokens: 10, outputTokens: 1 }, none)
  expect(addCosts([])).toEqual(noCost)
  expect(addCosts([known, known])).toMatchObject({ inputTokens: 2000, billed: 0.007, logical: 0.007, currency: 'USD' })
  expect(addCosts([known, known])).not.toHaveProperty('lowerBound')
  expect(addCosts([known, unknown])).toMatchObject({ inputTokens: 1010, billed: 0.0035, lowerBound: true })
  expect(addCosts([addCosts([known, unknown]), known])).toMatchObject({ billed: 0.007, lowerBound: true })
  expect(addCosts([unknown, noCost])).not.toHaveProperty('billed')
  expect(addCosts([noCost, known])).toEqual(known)
  // Sums do not drift: ten times a tenth of a cent is a cent.
  const tenth = usageCost({ inputTokens: 400, outputTokens: 0 }, none, price)
  expect(addCosts(Array.from({ length: 10 }, () => tenth)).billed).toBe(0.01)
})

test('the table’s prices hold where its providers serve, and nowhere else', () => {
  const gpt4o = { input: 2.5, cachedInput: 1.25, output: 10, currency: 'USD' }
  for (const provider of [
    'openai-compatible:api.openai.com',
    'ai-sdk:openai',
    'openai.chat',
    'openai.responses',
    'openai',
  ])
    expect(listPrices.find(provider, 'gpt-4o')).toEqual(gpt4o)
  expect(listPrices.find('ai-sdk:anthropic.messages', 'claude-3-5-sonnet-20241022')).toEqual({
    input: 3,
    cachedInput: 0.3,
    output: 15,
    currency: 'USD',
  })
  expect(listPrices.find('openai', 'gpt-4-1106-preview')).toEqual({ input: 10, output: 30, currency: 'USD' })
  for (const provider of [
    'openai-compatible:localhost:8000',
    'ai-sdk:openai-compatible.chat',
    'openai-compatible:openai-proxy:80',
    'anthropic',
  ])
    expect(listPrices.find(provider, 'gpt-4o')).toBeUndefined()
  expect(listPrices.find('openai', 'gpt-99')).toBeUndefined()
})

test('a user’s file comes before the table; an agent’s own price before both; gaps are one clear line', async () => {
  const file = join(temporaryFolder(), 'prices.json')
  const write = (content: unknown) =>
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  write({
    prices: [
      { model: 'gpt-4o', input: 1, output: 1 },
      {
        model: 'gpt-4o',
        provider: 'openai',
        input: 2,
        output: 2,
        currency: 'EUR',
        asOf: '2026-01-01',
        source: 'my contract',
      },
    ],
  })
  const prices = await loadPrices(file)
  expect(prices.find('openai', 'gpt-4o')).toEqual({ input: 2, output: 2, currency: 'EUR' })
  expect(prices.find('openai-compatible:localhost:1', 'gpt-4o')).toEqual({ input: 1, output: 1, currency: 'USD' })
  expect(prices.find('openai', 'gpt-4o-mini')?.input).toBe(0.15)
  const model = chatModel({ generate: async () => reply('x') }, { provider: 'openai', model: 'gpt-4o' })
  const own = { price: { input: 1000, output: 0, currency: 'EUR' } }
  await using caller = callerOf([agentOf('a', model, own), agentOf('b', model)], { prices })
  expect((await caller.call(callOf('q1/s', '1'))).cost).toMatchObject({ billed: 0.01, currency: 'EUR' })
  expect((await caller.call(callOf('q2/s', '2', { agent: 'b' }))).cost).toMatchObject({
    billed: 30e-6,
    currency: 'EUR',
  })
  expect(() => callerOf([agentOf('a', model, { price }), agentOf('b', model)], { prices })).toThrow(
    'agents a and b have prices in USD and EUR: expected one currency',
  )

  write({ prices: [{ model: 'x', input: 1 }] })
  await expect(loadPrices(file)).rejects.toThrow(
    `the price file ${file}: prices.0.output is missing (expected number ≥ 0)`,
  )
  write({ prices: [{ model: 'x', input: -1, output: 1 }] })
  await expect(loadPrices(file)).rejects.toThrow('prices.0.input is -1, expected number ≥ 0')
  write('{"prices": [')
  await expect(loadPrices(file)).rejects.toThrow(`the price file ${file} is not JSON: `)
  await expect(loadPrices(`${file}.none`)).rejects.toThrow('cannot read the price file')
})
