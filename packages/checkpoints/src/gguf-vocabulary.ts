// A tokenizer of ours in GGUF's terms. Bytes are a byte-level BPE without merges (each byte under the letter that GPT-2
// writes it as): llama.cpp then makes one token of each byte of any text, and none of anything else.
import { MixlabError } from '@mixlab/core'
import type { GgufMetadata, GgufValue } from './gguf-file.ts'

/** What is needed of a tokenizer: how it is saved. */
export interface SavedTokenizer {
  readonly name: string
  readonly size: number
  readonly endOfDocument?: number
  toJSON(): unknown
}

/** GPT-2's letter for each byte: printable ones stand for themselves, the others for U+0100 and on. */
function byteLetters(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++))
}

const normal = 1
const control = 3

/**
 * The `tokenizer.*` metadata of a byte tokenizer.
 * @throws MixlabError for another one
 */
export function ggufVocabulary(tokenizer: SavedTokenizer): GgufMetadata {
  if (tokenizer.name !== 'byte') {
    throw new MixlabError(
      `a GGUF file is written with the byte tokenizer only, given ${tokenizer.name}; train with tokenizer byte`,
    )
  }
  const end = tokenizer.endOfDocument ?? 0
  const types = Array.from({ length: tokenizer.size }, (_, token) => (token === end ? control : normal))
  const id: GgufValue = { type: 'uint32', value: end }
  const no: GgufValue = { type: 'bool', value: false }
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'gpt-2' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', value: byteLetters() }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', value: types }],
    ['tokenizer.ggml.merges', { type: 'array', of: 'string', value: [] }],
    ['tokenizer.ggml.bos_token_id', id],
    ['tokenizer.ggml.eos_token_id', id],
    ['tokenizer.ggml.add_bos_token', no],
    ['tokenizer.ggml.add_eos_token', no],
    ['tokenizer.ggml.add_space_prefix', no],
  ])
}
