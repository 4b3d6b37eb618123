// Which price a model has: the agent's own, else the user's file's, else the table's, else none. None is not zero.
//
//   { "prices": [{ "model": "llama-3-8b", "input": 0.2, "output": 0.2 },
//                { "model": "gpt-4o", "provider": "openai-compatible:proxy.example", "input": 2, "output": 8 }] }
import { readFile } from 'node:fs/promises'
import { MixlabError, parseConfiguration } from '@mixlab/core'
import { z } from 'zod'
import { type Price, priceConfig } from './agent.ts'
import { priceTable } from './price-table.ts'

export const priceFile = z.strictObject({
  prices: z.array(
    priceConfig.extend({
      model: z.string().min(1),
      provider: z.string().min(1).optional().describe('Default: wherever the model is served.'),
      source: z.string().optional(),
      asOf: z.iso.date().optional(),
    }),
  ),
})

export interface Prices {
  /** @returns undefined where no price is known */
  find(provider: string, model: string): Price | undefined
}

/** `openai/gpt-4o` and `gpt-4o` are one model where the provider's names have its maker in front. */
const bare = (model: string): string => model.slice(model.lastIndexOf('/') + 1)

/** The built-in table's. */
export const listPrices: Prices = {
  find(provider, model) {
    for (const block of priceTable) {
      if (!block.provider.test(provider)) continue
      const found = block.models[model] ?? block.models[bare(model)]
      if (!found) continue
      const [input, cachedInput, output] = found
      return { input, ...(cachedInput !== undefined && { cachedInput }), output, currency: 'USD' }
    }
    return undefined
  },
}

/**
 * A user's price file before the built-in table.
 * @throws MixlabError when the file cannot be read, is no JSON, or has a gap (names the field)
 */
export async function loadPrices(path: string): Promise<Prices> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new MixlabError(`cannot read the price file ${path}: ${(error as Error).message}`, { cause: error })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new MixlabError(`the price file ${path} is not JSON: ${(error as Error).message}`, { cause: error })
  }
  const { prices } = parseConfiguration(priceFile, json, `the price file ${path}`)
  return {
    find(provider, model) {
      const own =
        prices.find((price) => price.provider === provider && price.model === model) ??
        prices.find((price) => price.provider === undefined && price.model === model)
      if (!own) return listPrices.find(provider, model)
      const { input, cachedInput, output, currency } = own
      return { input, ...(cachedInput !== undefined && { cachedInput }), output, currency }
    },
  }
}
