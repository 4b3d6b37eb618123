// Which of llama.cpp's architectures a model of ours is, and what of a mixture they can say: one stack of SwiGLU experts in
// every layer, the k likeliest chosen by a softmax, with weights that sum to 1 (Mixtral, Qwen 3 MoE) or do not (OLMoE).
import { splitReference } from '@mixlab/core'
import type { TransformerConfig } from '@mixlab/nn'
import type { GgufValue } from './gguf-file.ts'

export type Family = 'llama' | 'qwen3' | 'qwen3moe' | 'olmoe'

export function familyOf({ mixture, queryKeyNorm }: TransformerConfig): Family {
  if (queryKeyNorm === 'none') return 'llama'
  if (mixture === null) return 'qwen3'
  return queryKeyNorm === 'head' ? 'qwen3moe' : 'olmoe'
}

/** The fields of a `top-k` router and its experts, with the plugins' defaults. */
function fieldsOf({ router, experts }: NonNullable<TransformerConfig['mixture']>) {
  const { name, config } = splitReference(router)
  const {
    k = 2,
    softmax = 'before',
    renormalize = true,
  } = config as {
    k?: number
    softmax?: string
    renormalize?: boolean
  }
  const stacks = [experts].flat()
  const width = stacks[0]!['width'] as number | null | undefined
  return { name, k, sums: k > 1 && (softmax === 'after' || renormalize), stacks, width }
}

/** What of a mixture has no counterpart; empty for a dense model. */
export function mixtureUnlike(config: TransformerConfig): readonly (string | false)[] {
  const { mixture } = config
  if (mixture === null) return []
  const { name, sums, stacks } = fieldsOf(mixture)
  const olmoe = familyOf(config) === 'olmoe'
  return [
    name !== 'top-k' && `router ${name}`,
    name === 'top-k' && sums === olmoe && `weights that ${olmoe ? 'sum' : 'do not sum'} to 1`,
    (stacks.length > 1 || stacks[0]!.name !== 'swiglu') && `experts ${stacks.map((stack) => stack.name).join(', ')}`,
    mixture.shared.length > 0 && 'shared experts',
    mixture.capacity?.evaluation === 'same' && 'a capacity',
    (mixture.every !== 1 || mixture.from !== 0) && 'layers without a mixture',
    olmoe && (config.keyValueHeads ?? config.heads) !== config.heads && 'fewer key and value heads',
    olmoe && config.tied && 'tied embeddings',
  ]
}

/** @param innerWidth of experts that do not say theirs */
export function mixtureMetadata(
  config: TransformerConfig,
  innerWidth: number,
): readonly (readonly [string, GgufValue])[] {
  if (config.mixture === null) return []
  const family = familyOf(config)
  const { k, stacks, width } = fieldsOf(config.mixture)
  const count = (value: number): GgufValue => ({ type: 'uint32', value })
  return [
    [`${family}.expert_count`, count(stacks[0]!.count)],
    [`${family}.expert_used_count`, count(k)],
    // Of an expert: where all layers are mixtures there is no other one.
    [`${family}.feed_forward_length`, count(width ?? innerWidth)],
    [`${family}.expert_feed_forward_length`, count(width ?? innerWidth)],
  ]
}
