// A reply that is not wanted in pieces: the last piece of the stream.
import { type ChatChunk, ChatFailure, type ChatReply } from '@mixlab/agents'

export async function lastReply(chunks: AsyncIterable<ChatChunk>): Promise<ChatReply> {
  for await (const chunk of chunks) if (chunk.type === 'reply') return chunk.reply
  throw new ChatFailure('truncated', 'the model ended its reply without finishing it')
}
