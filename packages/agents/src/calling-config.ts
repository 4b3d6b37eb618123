// What an experiment may say about how its calls are made.
import { z } from 'zod'

export const callingConfig = z.strictObject({
  concurrency: z
    .number()
    .int()
    .min(1)
    .default(32)
    .describe('Calls at once to one provider. An agent’s own `limits` hold for its model besides.'),
  retries: z
    .strictObject({
      max: z.number().int().min(0).max(20).default(5).describe('Tries after the first.'),
      firstWaitSeconds: z
        .number()
        .positive()
        .default(1)
        .describe('Doubles with each try; half of it is drawn at random.'),
      longestWaitSeconds: z
        .number()
        .positive()
        .default(60)
        .describe('Also of what a provider asks for with `retry-after`.'),
    })
    .prefault({}),
  timeouts: z
    .strictObject({
      firstTokenSeconds: z
        .number()
        .positive()
        .default(120)
        .describe('From the request to the first piece of a streamed reply.'),
      idleSeconds: z.number().positive().default(60).describe('Between two pieces.'),
      totalSeconds: z.number().positive().default(600).describe('Of one try.'),
    })
    .prefault({}),
  graceSeconds: z
    .number()
    .min(0)
    .default(10)
    .describe('After Ctrl-C, calls that are under way have so long to end and be recorded.'),
  budget: z
    .strictObject({
      tokens: z.number().positive().optional().describe('Of prompts and replies together.'),
      money: z.number().positive().optional().describe('In the currency of the prices.'),
    })
    .optional()
    .describe('Of the run, its children included: no call is made that could pass it.'),
  prices: z.string().optional().describe('A JSON file of prices, which comes before the built-in table.'),
})
export type CallingConfig = z.output<typeof callingConfig>
export type Retries = CallingConfig['retries']
export type Timeouts = CallingConfig['timeouts']
