// Text to integers and back. A tokenizer's state is plain JSON, written beside a model's weights, so that a checkpoint is
// usable without the data it was trained on; one read from a tokenizer.json is written as that same tokenizer.json.
import { MixlabError } from '@mixlab/core'
import { huggingFaceTokenizer, isTokenizerJson } from './tokenizer-json.ts'

export interface Tokenizer {
  /** `byte`, `character`, or the kind of model in a tokenizer.json, e.g. `BPE`. */
  readonly name: string
  /** Size of the vocabulary: ids are 0 … size − 1. */
  readonly size: number
  /** The token that separates documents, if the vocabulary has one. */
  readonly endOfDocument?: number
  /** @throws MixlabError on text that the vocabulary cannot express. */
  encode(text: string): Int32Array
  decode(ids: Iterable<number>): string
  /** What `loadTokenizer` takes. */
  toJSON(): unknown
}

/**
 * UTF-8 bytes, 256 tokens. Text has no NUL (sources refuse it), so byte 0 is free to separate documents.
 */
export const byteTokenizer: Tokenizer = {
  name: 'byte',
  size: 256,
  endOfDocument: 0,
  encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
  toJSON: () => ({ mixlab: 'byte' }),
}

const replacement = '�'

/** One token a character (code point); `characters` gives them in the order of their ids. */
export function characterTokenizer(characters: readonly string[]): Tokenizer {
  const ids = new Map(characters.map((character, id) => [character, id]))
  const unknown = ids.get(replacement)
  return {
    name: 'character',
    size: characters.length,
    encode: (text) =>
      Int32Array.from(Array.from(text), (character) => {
        const id = ids.get(character) ?? unknown
        if (id === undefined) {
          throw new MixlabError(
            `the character ${JSON.stringify(character)} is not in the vocabulary of ${ids.size} characters`,
          )
        }
        return id
      }),
    decode: (tokens) => [...tokens].map((id) => characters[id] ?? replacement).join(''),
    toJSON: () => ({ mixlab: 'character', characters: characters.join('') }),
  }
}

/**
 * The characters of the training texts, sorted by code point. If the other texts hold characters that these lack, U+FFFD
 * joins them as the one token for all unknown characters.
 */
export function characterVocabulary(training: Iterable<string>, others: Iterable<string> = []): string[] {
  const known = new Set<string>()
  for (const text of training) for (const character of text) known.add(character)
  for (const text of others) {
    for (const character of text) {
      if (known.has(character)) continue
      known.add(replacement)
      break
    }
  }
  return [...known].toSorted((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
}

/**
 * The tokenizer with the given saved state, or of a parsed tokenizer.json.
 * @param label what errors call it.
 */
export function loadTokenizer(state: unknown, label = 'the tokenizer'): Tokenizer {
  if (isTokenizerJson(state)) return huggingFaceTokenizer(state, label)
  if (typeof state === 'object' && state !== null && 'mixlab' in state) {
    if (state.mixlab === 'byte') return byteTokenizer
    if (state.mixlab === 'character' && 'characters' in state && typeof state.characters === 'string') {
      return characterTokenizer(Array.from(state.characters))
    }
  }
  throw new MixlabError(`${label} is not a tokenizer.json (it has no model)`)
}
