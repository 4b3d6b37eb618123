// How a conversation becomes one text that a model continues.
import type { Message } from '@mixlab/agents'
import { z } from 'zod'

const withContent = z.string().regex(/\{content\}/, 'expected {content} in it')

/** A template puts each message's text in place of `{content}` and ends with what opens the reply. */
export const promptTemplate = z.strictObject({
  system: withContent,
  user: withContent,
  assistant: withContent,
  reply: z.string().describe('Comes last: what the reply continues.'),
})

export const promptFormat = z
  .union([z.literal('plain'), promptTemplate])
  .default('plain')
  .describe("'plain': the messages' texts, one after the other, each on a line; or a template for each role.")

export type PromptFormat = z.output<typeof promptFormat>

export function formatPrompt(messages: readonly Message[], format: PromptFormat): string {
  if (format === 'plain') return messages.map(({ content }) => content).join('\n')
  // A function: `$&` in a message is text.
  const parts = messages.map(({ role, content }) => format[role].replaceAll('{content}', () => content))
  return parts.join('') + format.reply
}
