// The text of a reply, made of tokens as they come. Two things hold text back: a character whose bytes are spread over
// several tokens, and a beginning that may turn out to be a stop string. What was given away is never taken back, so the
// pieces joined are the reply's text.

export interface ReplyText {
  /** Takes a token. @returns text that is certain now, perhaps none */
  add(token: number): string
  /** Whether a stop string was found: the text ends before it, and no more tokens are wanted. */
  readonly stopped: boolean
  /** What was held back. Call it once, after the last token. */
  end(): string
  /** All that was given away. */
  readonly text: string
}

/** A tokenizer's decoder gives this for bytes that are not (yet) a character. */
const unfinished = '\uFFFD'

/** Tokens before the new ones that are decoded with them: what a token says can depend on those before it. */
const context = 8

export interface ReplyTextOptions {
  readonly decode: (tokens: readonly number[]) => string
  /** The reply's text ends before the first of them. */
  readonly stop?: readonly string[]
  /** What the reply continues. */
  readonly prompt?: readonly number[]
}

export function createReplyText({ decode: textOf, stop = [], prompt = [] }: ReplyTextOptions): ReplyText {
  const stops = stop.filter((text) => text !== '')
  let before = prompt.slice(-context)
  const decode = (tokens: readonly number[], after: readonly number[]): string =>
    textOf([...after, ...tokens]).slice(textOf(after).length)
  let pending: number[] = []
  let held = ''
  let given = ''
  let stopped = false

  const give = (piece: string): string => {
    given += piece
    return piece
  }

  /** Takes text that is whole and gives what of it cannot be part of a stop string. */
  const release = (whole: string): string => {
    held += whole
    const found = stops.map((text) => held.indexOf(text)).filter((at) => at >= 0)
    if (found.length > 0) {
      stopped = true
      const piece = held.slice(0, Math.min(...found))
      held = ''
      return give(piece)
    }
    const keep = Math.max(0, ...stops.map((text) => overlap(held, text)))
    const piece = held.slice(0, held.length - keep)
    held = held.slice(held.length - keep)
    return give(piece)
  }

  const decoded = (): string => {
    const whole = decode(pending, before)
    before = [...before, ...pending].slice(-context)
    pending = []
    return whole
  }

  return {
    add(token) {
      pending.push(token)
      if (decode(pending, before).endsWith(unfinished)) return ''
      return release(decoded())
    },
    end() {
      if (stopped) return ''
      const piece = release(pending.length > 0 ? decoded() : '')
      if (stopped) return piece
      const rest = held
      held = ''
      return piece + give(rest)
    },
    get stopped() {
      return stopped
    },
    get text() {
      return given
    },
  }
}

/** Length of the longest end of `text` that `stop` begins with, short of all of it. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--)
    if (stop.startsWith(text.slice(text.length - length))) return length
  return 0
}
