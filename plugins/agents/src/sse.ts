// Server-sent events, from bytes, in any pieces: a piece may end in the middle of a character or between CR and LF. After
// the specification's grammar, with one leniency: at the end of the stream an event without its closing empty line is
// given too, marked as not `closed`, since servers exist that end on `data: [DONE]`.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

export interface ServerSentEvent {
  /** The `event` field; `message` where there is none. */
  readonly event: string
  /** The `data` lines, joined by newlines. */
  readonly data: string
  /** The empty line that ends it was seen. */
  readonly closed: boolean
}

export interface ServerSentEventDecoder {
  /** The events that these bytes complete. */
  push(bytes: Uint8Array): ServerSentEvent[]
  /** What is left when there are no more bytes: at most one event. */
  end(): ServerSentEvent[]
  /** Characters held back for want of a line's or an event's end. */
  readonly held: number
}

export function serverSentEventDecoder(): ServerSentEventDecoder {
  // It drops a byte order mark at the start, and holds back the bytes of an unfinished character.
  const text = new TextDecoder()
  let line = ''
  let afterReturn = false
  let event = ''
  let data: string[] = []
  let dataLength = 0

  const dispatch = (closed: boolean): ServerSentEvent[] => {
    const events = data.length === 0 ? [] : [{ event: event === '' ? 'message' : event, data: data.join('\n'), closed }]
    event = ''
    data = []
    dataLength = 0
    return events
  }

  const field = (source: string): void => {
    const colon = source.indexOf(':')
    if (colon === 0) return // a comment
    const name = colon < 0 ? source : source.slice(0, colon)
    const value = colon < 0 ? '' : source.slice(source[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') {
      data.push(value)
      dataLength += value.length
    } else if (name === 'event') event = value
  }

  const read = (characters: string): ServerSentEvent[] => {
    const events: ServerSentEvent[] = []
    let from = 0
    if (afterReturn && characters !== '') {
      if (characters.startsWith('\n')) from = 1
      afterReturn = false
    }
    const ends = /\r\n?|\n/g
    ends.lastIndex = from
    for (let end = ends.exec(characters); end !== null; end = ends.exec(characters)) {
      const whole = line + characters.slice(from, end.index)
      line = ''
      from = ends.lastIndex
      afterReturn = end[0] === '\r' && from === characters.length
      if (whole === '') events.push(...dispatch(true))
      else field(whole)
    }
    line += characters.slice(from)
    return events
  }

  return {
    push: (bytes) => read(text.decode(bytes, { stream: true })),
    end() {
      const events = read(text.decode())
      if (line !== '') field(line)
      line = ''
      return [...events, ...dispatch(false)]
    },
    get held() {
      return line.length + dataLength
    },
  }
}
