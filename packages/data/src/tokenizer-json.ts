// A tokenizer.json of Hugging Face's tokenizers (BPE, Unigram, WordPiece), through their JavaScript implementation.
// Special tokens are not added to the text: the corpus puts the end-of-document token where a document ends.
import { Tokenizer as Implementation } from '@huggingface/tokenizers'
import { MixlabError } from '@mixlab/core'
import type { Tokenizer } from './tokenizer.ts'

interface TokenizerJson {
  readonly model: { readonly type?: string; readonly vocab: unknown }
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[]
}

export const isTokenizerJson = (value: unknown): value is TokenizerJson =>
  typeof value === 'object' &&
  value !== null &&
  'model' in value &&
  typeof value.model === 'object' &&
  value.model !== null &&
  'vocab' in value.model

/** Names under which published vocabularies keep their end of text, most specific first. */
const endNames = [
  '<|endoftext|>',
  '<|end_of_text|>',
  '<｜end▁of▁sentence｜>',
  '</s>',
  '<eos>',
  '<|eot_id|>',
  '<|im_end|>',
  '[SEP]',
]

export function huggingFaceTokenizer(state: TokenizerJson, label: string): Tokenizer {
  let implementation: Implementation
  try {
    implementation = new Implementation(state, {})
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MixlabError(`${label} cannot be used as a tokenizer: ${reason}`, { cause: error })
  }
  let size = 0
  for (const id of implementation.get_vocab().values()) size = Math.max(size, id + 1)
  const special = new Map(state.added_tokens?.map(({ content, id }) => [content, id]))
  const end = endNames.find((name) => special.has(name))
  const endOfDocument = end === undefined ? undefined : special.get(end)
  return {
    name: state.model.type ?? 'tokenizer.json',
    size,
    ...(endOfDocument !== undefined && { endOfDocument }),
    encode: (text) =>
      Int32Array.from(text === '' ? [] : implementation.encode(text, { add_special_tokens: false }).ids),
    decode(ids) {
      const list = [...ids]
      // The implementation refuses an empty list, and would tidy up spaces that the reference keeps.
      return list.length === 0
        ? ''
        : implementation.decode(list, { skip_special_tokens: false, clean_up_tokenization_spaces: false })
    },
    toJSON: () => state,
  }
}
