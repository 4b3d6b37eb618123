import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byteTokenizer, characterTokenizer, characterVocabulary, loadTokenizer, type Tokenizer } from '../src/index.ts'

const folder = join(import.meta.dirname, 'fixtures/tokenizers')
const json = (...path: string[]): unknown => JSON.parse(readFileSync(join(folder, ...path), 'utf8'))
const reloaded = (tokenizer: Tokenizer) => loadTokenizer(JSON.parse(JSON.stringify(tokenizer)))

// Recorded from Hugging Face's tokenizers (Rust); its `encode` adds a template's special tokens, ours never does.
describe.each(readdirSync(folder))('tokenizer.json: %s', (name) => {
  const tokenizer = loadTokenizer(json(name, 'tokenizer.json'))
  const samples = json(name, 'expected.json') as { text: string; ids: number[]; decoded: string }[]

  it.each(samples)('"$text"', ({ text, ids, decoded }) => {
    const added = name === 'llama-style-bpe' ? 1 : 0
    expect([...tokenizer.encode(text)]).toEqual(ids.slice(added))
    expect(tokenizer.decode(ids)).toBe(decoded)
    expect([...reloaded(tokenizer).encode(text)]).toEqual(ids.slice(added))
  })

  it('knows its size and its end of document', () => {
    expect(tokenizer.size).toBe({ 'bytelevel-bpe': 474, 'llama-style-bpe': 700, unigram: 110, wordpiece: 208 }[name])
    expect(tokenizer.endOfDocument).toBe(name === 'wordpiece' ? 3 : 2)
  })
})

describe('byte', () => {
  it('is UTF-8', () => {
    expect([...byteTokenizer.encode('é🙂')]).toEqual([0xc3, 0xa9, 0xf0, 0x9f, 0x99, 0x82])
    expect(reloaded(byteTokenizer)).toBe(byteTokenizer)
  })

  // oxlint-disable-next-line vitest/expect-expect -- the property asserts
  it('comes back from any text', () => {
    assert(property(string({ unit: 'grapheme' }), (text) => byteTokenizer.decode(byteTokenizer.encode(text)) === text))
  })
})

describe('character', () => {
  it('numbers the sorted characters of the training text', () => {
    const characters = characterVocabulary(['hello', 'a🙂b'])
    expect(characters).toEqual(['a', 'b', 'e', 'h', 'l', 'o', '🙂'])
    const tokenizer = reloaded(characterTokenizer(characters))
    expect([...tokenizer.encode('hallo🙂')]).toEqual([3, 0, 4, 4, 5, 6])
    expect(tokenizer.decode([3, 0, 4, 4, 5, 6])).toBe('hallo🙂')
    expect(() => tokenizer.encode('hi')).toThrow('the character "i" is not in the vocabulary of 7 characters')
  })

  it('has a token for unknown characters where the validation text needs one', () => {
    const tokenizer = characterTokenizer(characterVocabulary(['abc'], ['abd']))
    expect(tokenizer.size).toBe(4)
    expect(tokenizer.decode(tokenizer.encode('abd'))).toBe('ab�')
  })

  it('finds 65 characters in tiny Shakespeare-like ASCII text, as nanoGPT does', () => {
    const text = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    expect(characterVocabulary([text])).toEqual(Array.from(text))
  })
})

it('refuses what is not a tokenizer', () => {
  expect(() => loadTokenizer({ a: 1 }, 'x.json')).toThrow('x.json is not a tokenizer.json')
  expect(() => loadTokenizer({ model: { type: 'Nonsense', vocab: {} } }, 'x.json')).toThrow(
    'x.json cannot be used as a tokenizer',
  )
})
