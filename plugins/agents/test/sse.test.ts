// Server-sent events: the specification's own examples, and that no way of cutting the bytes changes what they say.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ServerSentEvent, serverSentEventDecoder } from '../src/sse.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function decode(pieces: readonly Uint8Array[]): ServerSentEvent[] {
  const decoder = serverSentEventDecoder()
  return [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()]
}

const dataOf = (text: string): string[] => decode([bytesOf(text)]).map(({ data }) => data)

describe('the specification’s examples', () => {
  test('lines of data are joined', () => {
    expect(dataOf('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual(['YHOO\n+2\n10'])
  })

  test('comments, ids, and a field without a colon', () => {
    const stream = ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n'
    expect(dataOf(stream)).toEqual(['first event', 'second event', ' third event'])
  })

  test('empty data', () => {
    expect(decode([bytesOf('data\n\ndata\ndata\n\ndata:')])).toEqual([
      { event: 'message', data: '', closed: true },
      { event: 'message', data: '\n', closed: true },
      // The specification drops this one; here it is given as what it is.
      { event: 'message', data: '', closed: false },
    ])
  })

  test('named events, which do not name the next one', () => {
    const events = decode([bytesOf('event: add\ndata: 1\n\ndata: 2\n\nevent: remove\n\ndata: 3\n\n')])
    expect(events.map(({ event, data }) => `${event} ${data}`)).toEqual(['add 1', 'message 2', 'message 3'])
  })
})

test('line ends of all three kinds, mixed, and a byte order mark', () => {
  expect(dataOf('\uFEFFdata: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\ndata: e\n\r\n')).toEqual([
    'a',
    'b',
    'c',
    'd',
    'e',
  ])
})

test('what is held back is counted, until it is given', () => {
  const decoder = serverSentEventDecoder()
  decoder.push(bytesOf('data: 1234'))
  expect(decoder.held).toBe(10)
  decoder.push(bytesOf('\n'))
  expect(decoder.held).toBe(4)
  decoder.push(bytesOf('\n'))
  expect(decoder.held).toBe(0)
})

const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
const value = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, ' '))
const event = fc.record({
  comments: fc.array(value, { maxLength: 2 }),
  data: fc.array(value, { minLength: 1, maxLength: 3 }),
})

test('any events, written with any line ends and cut at any bytes, come out as they were', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 6 }),
      fc.array(lineEnd, { minLength: 1, maxLength: 7 }),
      fc.array(fc.nat(400), { maxLength: 40 }),
      (events, ends, cuts) => {
        let line = 0
        const end = (): string => ends[line++ % ends.length]!
        const text = events
          .map(({ comments, data }) => {
            const lines = [...comments.map((comment) => `:${comment}`), ...data.map((part) => `data: ${part}`)]
            return lines.map((each) => each + end()).join('') + end()
          })
          .join('')
        const bytes = bytesOf(text)
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length]
        const pieces = places.slice(1).map((place, n) => bytes.slice(places[n], place))
        const found = decode(pieces)
        expect(found).toEqual(decode([bytes]))
        // Where line ends are mixed, a CR and an LF that meet are one line end, and mean something else than was written.
        if (new Set(ends).size === 1)
          expect(found.map(({ data }) => data)).toEqual(events.map(({ data }) => data.join('\n')))
      },
    ),
    { numRuns: 500 },
  )
})
