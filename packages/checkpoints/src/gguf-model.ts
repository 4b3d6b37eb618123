// A transformer of ours as a GGUF file that llama.cpp runs: Llama's shape (RMS norms, rotary positions, SwiGLU, no
// biases), or Qwen 3's where queries and keys have a norm of each head. llama.cpp turns neighbouring features of a Llama
// together, Hugging Face and we turn a feature of a head's first half with one of its second, so that the rows of a Llama's
// query and key weights change places; a Qwen's stay.
import { MixlabError, writeAtomically } from '@mixlab/core'
import {
  type LanguageModel,
  shapeOf,
  type TransformerConfig,
  transformerConfig,
  type TransformerShape,
} from '@mixlab/nn'
import { toFloat16 } from './dtypes.ts'
import { type GgufTensor, type GgufValue, streamGguf } from './gguf-file.ts'
import { ggufVocabulary, type SavedTokenizer } from './gguf-vocabulary.ts'

export interface GgufOptions {
  /** What the file calls the model. */
  readonly name: string
  /** Of matrices; vectors stay float32. Default F32. */
  readonly dtype?: 'F32' | 'F16'
  /** How a conversation is written out, as a Jinja template; default: none is in the file. */
  readonly chatTemplate?: string
}

/** Our names of a block's parts, and GGUF's. */
const parts: readonly (readonly [ours: string, gguf: string])[] = [
  ['input_layernorm', 'attn_norm'],
  ['self_attn.q_proj', 'attn_q'],
  ['self_attn.k_proj', 'attn_k'],
  ['self_attn.v_proj', 'attn_v'],
  ['self_attn.o_proj', 'attn_output'],
  ['self_attn.q_norm', 'attn_q_norm'],
  ['self_attn.k_norm', 'attn_k_norm'],
  ['post_attention_layernorm', 'ffn_norm'],
  ['mlp.gate_proj', 'ffn_gate'],
  ['mlp.up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
]

const others: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
}

function ggufName(name: string): string {
  const [, layer, part] = /^model\.layers\.(\d+)\.(.*)\.weight$/.exec(name) ?? []
  const found = parts.find(([ours]) => ours === part)
  return found ? `blk.${layer}.${found[1]}.weight` : others[name]!
}

function checkShape(config: TransformerConfig): void {
  const unlike = [
    config.mixture !== null && 'a mixture',
    config.norm !== 'rms' && `norm ${config.norm}`,
    config.positions !== 'rotary' && `positions ${config.positions}`,
    config.feedForward.activation !== 'swiglu' && `activation ${config.feedForward.activation}`,
    config.bias && 'biases',
    config.window !== 0 && 'a window',
    config.queryKeyNorm === 'all' && 'queryKeyNorm all',
  ].filter((what) => what !== false)
  if (unlike.length > 0) {
    throw new MixlabError(
      `a GGUF file is written of models shaped like Llama or Qwen 3 only; this one has ${unlike.join(', ')}`,
    )
  }
}

/** Row s·D/2 + j of a head becomes row 2j + s. @param values [heads·headWidth, columns] */
function interleaved(values: Float32Array, headWidth: number, columns: number): Float32Array {
  const result = new Float32Array(values.length)
  const half = headWidth / 2
  for (let row = 0; row < values.length / columns; row++) {
    const within = row % headWidth
    const target = row - within + 2 * (within % half) + Math.floor(within / half)
    result.set(values.subarray(row * columns, (row + 1) * columns), target * columns)
  }
  return result
}

function describe(
  config: TransformerConfig,
  { heads, keyValueHeads, headWidth, innerWidth }: TransformerShape,
  { name, dtype = 'F32' }: GgufOptions,
): Map<string, GgufValue> {
  const family = config.queryKeyNorm === 'head' ? 'qwen3' : 'llama'
  const count = (value: number): GgufValue => ({ type: 'uint32', value })
  const number = (value: number): GgufValue => ({ type: 'float32', value })
  return new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: family }],
    ['general.name', { type: 'string', value: name }],
    ['general.file_type', count(dtype === 'F32' ? 0 : 1)],
    [`${family}.context_length`, count(config.contextLength)],
    [`${family}.embedding_length`, count(config.width)],
    [`${family}.block_count`, count(config.layers)],
    [`${family}.feed_forward_length`, count(innerWidth)],
    [`${family}.attention.head_count`, count(heads)],
    [`${family}.attention.head_count_kv`, count(keyValueHeads)],
    [`${family}.attention.key_length`, count(headWidth)],
    [`${family}.attention.value_length`, count(headWidth)],
    [`${family}.attention.layer_norm_rms_epsilon`, number(config.normEpsilon)],
    [`${family}.rope.dimension_count`, count(headWidth)],
    [`${family}.rope.freq_base`, number(config.rotaryBase)],
  ])
}

/**
 * Writes a model as a GGUF file.
 * @throws MixlabError if its shape or its tokenizer has no counterpart there, or the file cannot be written
 */
export async function saveGguf(
  path: string,
  model: LanguageModel,
  tokenizer: SavedTokenizer,
  options: GgufOptions,
): Promise<void> {
  const parsed = transformerConfig.safeParse(model.config)
  if (!parsed.success) throw new MixlabError('a GGUF file is written of transformers made by createTransformer only')
  const config = parsed.data
  checkShape(config)
  const shape = shapeOf(config)
  const metadata = new Map([...describe(config, shape, options), ...ggufVocabulary(tokenizer)])
  if (options.chatTemplate !== undefined)
    metadata.set('tokenizer.chat_template', { type: 'string', value: options.chatTemplate })
  const tensors = new Map<string, GgufTensor>()
  for (const [name, tensor] of model.parameters()) {
    const dtype = tensor.rank > 1 ? (options.dtype ?? 'F32') : 'F32'
    const turned = config.queryKeyNorm === 'none' && /\.[qk]_proj\.weight$/.test(name)
    const data = async (): Promise<Float32Array | Uint16Array> => {
      const values = (await tensor.data()) as Float32Array
      const placed = turned ? interleaved(values, shape.headWidth, config.width) : values
      return dtype === 'F16' ? toFloat16(placed) : placed
    }
    tensors.set(ggufName(name), { dtype, shape: tensor.shape, data })
  }
  await writeAtomically(path, streamGguf(metadata, tensors))
}
