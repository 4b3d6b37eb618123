// When the pieces of a streamed reply came, compactly: "milliseconds length milliseconds length …", each time since the one
// before (the first since the request), lengths in UTF-16 units of the reply's text, below zero of its reasoning.
import type { ChatChunk, ChatReply } from './chat-model.ts'

export interface RecordedPieces {
  readonly times: string
  /** What was streamed, where it is not what the whole reply says. */
  readonly text?: string
  readonly reasoning?: string
}

export interface Piece {
  readonly type: 'text' | 'reasoning'
  readonly text: string
  /** Milliseconds since the request. */
  readonly atMs: number
}

export class PieceLog {
  readonly #numbers: number[] = []
  #at = 0
  #text = ''
  #reasoning = ''

  add(piece: Exclude<ChatChunk, { type: 'reply' }>, atMs: number): void {
    const at = Math.round(atMs)
    this.#numbers.push(at - this.#at, piece.type === 'text' ? piece.text.length : -piece.text.length)
    this.#at = at
    if (piece.type === 'text') this.#text += piece.text
    else this.#reasoning += piece.text
  }

  get text(): string {
    return this.#text + this.#reasoning
  }

  for(reply: ChatReply): RecordedPieces {
    return {
      times: this.#numbers.join(' '),
      ...(this.#text !== reply.text && { text: this.#text }),
      ...(this.#reasoning !== (reply.reasoning ?? '') && { reasoning: this.#reasoning }),
    }
  }
}

/** The pieces of a recorded reply, as they came. */
export function piecesOf(recorded: RecordedPieces, reply: ChatReply): Piece[] {
  const numbers = recorded.times === '' ? [] : recorded.times.split(' ').map(Number)
  const sources = { text: recorded.text ?? reply.text, reasoning: recorded.reasoning ?? reply.reasoning ?? '' }
  const from = { text: 0, reasoning: 0 }
  let atMs = 0
  return Array.from({ length: numbers.length / 2 }, (_, i) => {
    atMs += numbers[2 * i]!
    const length = numbers[2 * i + 1]!
    const type = length < 0 ? 'reasoning' : 'text'
    const start = from[type]
    from[type] += Math.abs(length)
    return { type, text: sources[type].slice(start, from[type]), atMs }
  })
}
