import { byteTokenizer } from '@mixlab/data'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReplyText } from '../src/reply-text.ts'

const decode = byteTokenizer.decode.bind(byteTokenizer)

function streamed(text: string, stop: readonly string[] = []) {
  const reply = createReplyText({ decode, stop, prompt: [...byteTokenizer.encode('€')] })
  const pieces: string[] = []
  for (const byte of byteTokenizer.encode(text)) {
    pieces.push(reply.add(byte))
    if (reply.stopped) break
  }
  pieces.push(reply.end())
  return { pieces, reply }
}

const unicode = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\uFFFD'))

test('characters of several bytes come whole, and nothing is lost', () => {
  expect(streamed('€ 1 – ∑').pieces.filter((piece) => piece !== '')).toEqual(['€', ' ', '1', ' ', '–', ' ', '∑'])
  fc.assert(
    fc.property(unicode, (text) => {
      const { pieces, reply } = streamed(text)
      expect(pieces.join('')).toBe(text)
      expect(reply.text).toBe(text)
      expect(pieces.some((piece) => piece.includes('\uFFFD'))).toBe(false)
    }),
  )
})

test('the text ends before the first stop string, of which no part was given away', () => {
  const few = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '€'), maxLength: 30 })
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '€'), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  })
  fc.assert(
    fc.property(few, stops, (text, stop) => {
      const { pieces, reply } = streamed(text, stop)
      // By the text alone: where the first stop string to be complete ends, and where it began.
      const ends = stop.flatMap((one) => (text.includes(one) ? [text.indexOf(one) + one.length] : []))
      const end = Math.min(...ends)
      const begins = stop.filter((one) => text.slice(0, end).endsWith(one)).map((one) => end - one.length)
      const wanted = ends.length > 0 ? text.slice(0, Math.min(...begins)) : text
      expect(pieces.join('')).toBe(wanted)
      expect(reply.stopped).toBe(ends.length > 0)
    }),
  )
})

test('an empty stop string stops nothing, and bytes that are no text come at the end', () => {
  expect(streamed('abc', ['']).reply.text).toBe('abc')
  const reply = createReplyText({ decode })
  expect([reply.add(0x61), reply.add(0xe2), reply.add(0x82), reply.end()]).toEqual(['a', '', '', '\uFFFD'])
})
