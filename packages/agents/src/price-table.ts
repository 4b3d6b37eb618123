// List prices in US dollars for a million tokens, of standard (not batch, not priority) requests, where one price holds for
// prompts of every length. Prices change: each block says as of when. A user's own file (`prices` in the configuration)
// comes before this table, and an agent's own `price` before both. Better few and right than many.
//
// Columns: input, cached input (absent: no discount), output. What a provider asks for *writing* its cache is not known to
// `Usage` and not counted.

export interface PriceBlock {
  /** Where these prices hold: other servers' models of the same name cost something else. */
  readonly provider: RegExp
  readonly source: string
  /** Year, month, day. */
  readonly asOf: string
  readonly models: Readonly<Record<string, readonly [input: number, cachedInput: number | undefined, output: number]>>
}

export const priceTable: readonly PriceBlock[] = [
  {
    provider: /(^|[:/.])openai(\.|$)/,
    source: 'https://openai.com/api/pricing',
    asOf: '2025-08-31',
    models: {
      'gpt-5': [1.25, 0.125, 10],
      'gpt-5-mini': [0.25, 0.025, 2],
      'gpt-5-nano': [0.05, 0.005, 0.4],
      'gpt-4.1': [2, 0.5, 8],
      'gpt-4.1-mini': [0.4, 0.1, 1.6],
      'gpt-4.1-nano': [0.1, 0.025, 0.4],
      'gpt-4o': [2.5, 1.25, 10],
      'gpt-4o-2024-11-20': [2.5, 1.25, 10],
      'gpt-4o-2024-08-06': [2.5, 1.25, 10],
      'gpt-4o-2024-05-13': [5, undefined, 15],
      'gpt-4o-mini': [0.15, 0.075, 0.6],
      'gpt-4o-mini-2024-07-18': [0.15, 0.075, 0.6],
      'gpt-4-turbo': [10, undefined, 30],
      'gpt-4-turbo-2024-04-09': [10, undefined, 30],
      'gpt-4-0125-preview': [10, undefined, 30],
      'gpt-4-1106-preview': [10, undefined, 30],
      'gpt-4': [30, undefined, 60],
      'gpt-4-0613': [30, undefined, 60],
      'gpt-3.5-turbo': [0.5, undefined, 1.5],
      'gpt-3.5-turbo-0125': [0.5, undefined, 1.5],
      'gpt-3.5-turbo-1106': [1, undefined, 2],
      o1: [15, 7.5, 60],
      o3: [2, 0.5, 8],
      'o3-mini': [1.1, 0.55, 4.4],
      'o4-mini': [1.1, 0.275, 4.4],
    },
  },
  {
    provider: /(^|[:/.])anthropic(\.|$)/,
    source: 'https://docs.anthropic.com/en/docs/about-claude/pricing',
    asOf: '2025-11-30',
    models: {
      'claude-opus-4-5-20251101': [5, 0.5, 25],
      'claude-opus-4-1-20250805': [15, 1.5, 75],
      'claude-opus-4-20250514': [15, 1.5, 75],
      'claude-sonnet-4-20250514': [3, 0.3, 15],
      'claude-haiku-4-5-20251001': [1, 0.1, 5],
      'claude-3-7-sonnet-20250219': [3, 0.3, 15],
      'claude-3-5-sonnet-20241022': [3, 0.3, 15],
      'claude-3-5-sonnet-20240620': [3, 0.3, 15],
      'claude-3-5-haiku-20241022': [0.8, 0.08, 4],
      'claude-3-opus-20240229': [15, 1.5, 75],
      'claude-3-haiku-20240307': [0.25, 0.03, 1.25],
    },
  },
  {
    provider: /(^|[:/.])google(\.|$)|googleapis\.com/,
    source: 'https://ai.google.dev/gemini-api/docs/pricing',
    asOf: '2025-08-31',
    models: {
      'gemini-2.0-flash': [0.1, 0.025, 0.4],
      'gemini-2.0-flash-lite': [0.075, undefined, 0.3],
    },
  },
  {
    provider: /(^|[:/.])mistral(\.|$)/,
    source: 'https://mistral.ai/pricing',
    asOf: '2024-11-30',
    models: {
      'mistral-large-2411': [2, undefined, 6],
      'open-mixtral-8x22b': [2, undefined, 6],
      'open-mixtral-8x7b': [0.7, undefined, 0.7],
      'open-mistral-7b': [0.25, undefined, 0.25],
    },
  },
]
