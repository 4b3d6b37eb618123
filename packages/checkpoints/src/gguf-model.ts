// A transformer of ours as a GGUF file that llama.cpp runs: Llama's shape (RMS norms, rotary positions, SwiGLU, no
// biases), Qwen 3's where queries and keys have a norm of each head, and mixtures as these two or OLMoE have them. llama.cpp
// turns neighbouring features of a Llama together, Hugging Face and we turn a feature of a head's first half with one of its
// second, so that the rows of a Llama's query and key weights change places; the others' stay.
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
import { familyOf, mixtureMetadata, mixtureUnlike } from './gguf-mixture.ts'
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
const parts: Readonly<Record<string, string>> = {
  'input_layernorm.weight': 'attn_norm',
  'self_attn.q_proj.weight': 'attn_q',
  'self_attn.k_proj.weight': 'attn_k',
  'self_attn.v_proj.weight': 'attn_v',
  'self_attn.o_proj.weight': 'attn_output',
  'self_attn.q_norm.weight': 'attn_q_norm',
  'self_attn.k_norm.weight': 'attn_k_norm',
  'post_attention_layernorm.weight': 'ffn_norm',
  'mlp.gate_proj.weight': 'ffn_gate',
  'mlp.up_proj.weight': 'ffn_up',
  'mlp.down_proj.weight': 'ffn_down',
  'mlp.gate.weight': 'ffn_gate_inp',
  'mlp.experts.down_proj': 'ffn_down_exps',
}

const others: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
}

function checkShape(config: TransformerConfig): void {
  const unlike = [
    config.norm !== 'rms' && `norm ${config.norm}`,
    config.positions !== 'rotary' && `positions ${config.positions}`,
    config.mixture === null &&
      config.feedForward.activation !== 'swiglu' &&
      `activation ${config.feedForward.activation}`,
    config.bias && 'biases',
    config.window !== 0 && 'a window',
    config.mixture === null && config.queryKeyNorm === 'all' && 'queryKeyNorm all',
    ...mixtureUnlike(config),
  ].filter((what) => what !== false)
  if (unlike.length > 0) {
    throw new MixlabError(
      `a GGUF file is written of models shaped like Llama, Qwen 3, Mixtral, Qwen 3 MoE or OLMoE only; this one has ${unlike.join(', ')}`,
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

/** A tensor of a file, and how its values come from one of ours. */
interface Placed {
  readonly name: string
  readonly shape: readonly number[]
  readonly place: (values: Float32Array) => Float32Array
}

const asTheyAre = (values: Float32Array): Float32Array => values

function placed(name: string, shape: readonly number[], config: TransformerConfig): readonly Placed[] {
  const [, layer, part] = /^model\.layers\.(\d+)\.(.*)$/.exec(name) ?? []
  if (part === undefined) return [{ name: others[name]!, shape, place: asTheyAre }]
  if (part === 'mlp.experts.gate_up_proj') return gateAndUp(`blk.${layer}`, shape as [number, number, number])
  const turned = /[qk]_proj/.test(part) && familyOf(config) === 'llama'
  const { headWidth } = shapeOf(config)
  const place = turned ? (values: Float32Array) => interleaved(values, headWidth, config.width) : asTheyAre
  return [{ name: `blk.${layer}.${parts[part]}.weight`, shape, place }]
}

/** Of E experts, [E, 2·F, D]: each has its gate's rows, then its other product's. GGUF has two tensors [E, F, D]. */
function gateAndUp(block: string, [experts, rows, width]: readonly [number, number, number]): readonly Placed[] {
  const half = (rows / 2) * width
  const shape = [experts, rows / 2, width]
  const from = (offset: number) => (values: Float32Array) => {
    const result = new Float32Array(experts * half)
    for (let expert = 0; expert < experts; expert++) {
      const start = expert * 2 * half + offset
      result.set(values.subarray(start, start + half), expert * half)
    }
    return result
  }
  return [
    { name: `${block}.ffn_gate_exps.weight`, shape, place: from(0) },
    { name: `${block}.ffn_up_exps.weight`, shape, place: from(half) },
  ]
}

function describe(
  config: TransformerConfig,
  { heads, keyValueHeads, headWidth, innerWidth }: TransformerShape,
  { name, dtype = 'F32' }: GgufOptions,
): Map<string, GgufValue> {
  const family = familyOf(config)
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
    ...mixtureMetadata(config, innerWidth),
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
    for (const { name: given, shape: placedShape, place } of placed(name, tensor.shape, config)) {
      // Vectors, and the weights that experts are chosen by, are too few to save anything.
      const small = tensor.rank < 2 || given.includes('ffn_gate_inp')
      const dtype = small ? 'F32' : (options.dtype ?? 'F32')
      const data = async (): Promise<Float32Array | Uint16Array> => {
        const values = place((await tensor.data()) as Float32Array)
        return dtype === 'F16' ? toFloat16(values) : values
      }
      tensors.set(given, { dtype, shape: placedShape, data })
    }
  }
  await writeAtomically(path, streamGguf(metadata, tensors))
}
