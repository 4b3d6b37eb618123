// The models of the CPU benchmark and how much they are; peer/models.py has the same in PyTorch and Hugging Face.
import { transformerConfig, type TransformerConfig } from '@mixlab/nn'

export interface Shape {
  readonly style: 'gpt' | 'llama' | 'olmoe' | 'mixture'
  readonly layers: number
  readonly heads: number
  readonly width: number
  readonly context: number
  readonly batch: number
  readonly vocabulary: number
  /** 0: a dense feed-forward of expertWidth. */
  readonly experts: number
  /** Experts that a token goes to. */
  readonly choices: number
  readonly expertWidth: number
}

export const shapes = {
  /** nanoGPT's published configuration for a CPU. */
  'nanogpt-step': {
    style: 'gpt',
    layers: 4,
    heads: 4,
    width: 128,
    context: 64,
    batch: 12,
    vocabulary: 65,
    experts: 0,
    choices: 0,
    expertWidth: 512,
  },
  /** A small mixture of OLMoE's shape. */
  'olmoe-step': {
    style: 'olmoe',
    layers: 4,
    heads: 4,
    width: 256,
    context: 256,
    batch: 8,
    vocabulary: 256,
    experts: 8,
    choices: 2,
    expertWidth: 512,
  },
  /** plain-mixture.ts written with the mixture layer. */
  'mixture-step': {
    style: 'mixture',
    layers: 4,
    heads: 4,
    width: 128,
    context: 128,
    batch: 8,
    vocabulary: 256,
    experts: 8,
    choices: 2,
    expertWidth: 256,
  },
  /** A dense model of Llama's shape, for decoding. */
  decode: {
    style: 'llama',
    layers: 4,
    heads: 4,
    width: 256,
    context: 512,
    batch: 1,
    vocabulary: 256,
    experts: 0,
    choices: 0,
    expertWidth: 688,
  },
} as const satisfies Record<string, Shape>

/** What differs between the styles beside sizes. */
const styleOf = ({ style, experts, choices, expertWidth }: Shape) => {
  const mixture = (balance: number) => ({
    router: { name: 'top-k', k: choices, balance },
    experts: [{ name: 'swiglu', count: experts, width: expertWidth }],
  })
  switch (style) {
    case 'gpt':
      return { norm: 'layer', positions: 'learned', feedForward: { activation: 'gelu', width: expertWidth } } as const
    case 'llama':
      return { feedForward: { activation: 'swiglu', width: expertWidth } } as const
    case 'olmoe':
      return { queryKeyNorm: 'all', tied: false, mixture: mixture(0.01) } as const
    case 'mixture':
      // The plain one has no positions at all; learned ones, a table added once, are the nearest that a transformer has.
      // It also drops what exceeds 1.25 × an expert's share, where this keeps all, and uses Adam without clipping.
      return { positions: 'learned', tied: false, mixture: mixture(0) } as const
    default:
      return style satisfies never
  }
}

export const configOf = (shape: Shape): TransformerConfig => {
  const { layers, heads, width, context: contextLength } = shape
  return transformerConfig.parse({ layers, heads, width, contextLength, ...styleOf(shape) })
}
