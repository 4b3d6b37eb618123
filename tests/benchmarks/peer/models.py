"""The models of the workloads, in plain PyTorch and Hugging Face transformers."""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """nanoGPT's block: LayerNorm without bias, fused attention, GELU with four times the width."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (t.view(batch, length, self.heads, -1).transpose(1, 2) for t in self.qkv(self.norm1(x)).split(width, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class NanoGPT(nn.Module):
    def __init__(self, vocabulary=65, layers=4, heads=4, width=128, context=64):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width, bias=False), nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids, labels):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), labels.flatten())


def olmoe(width, expert_width, context):
    """Hugging Face's OLMoE in small: 4 layers, 4 heads, 8 experts of which each token takes 2."""
    from transformers import OlmoeConfig, OlmoeForCausalLM

    config = OlmoeConfig(
        vocab_size=256, num_hidden_layers=4, pad_token_id=0, bos_token_id=1, eos_token_id=2, use_cache=False,
        output_router_logits=True, router_aux_loss_coef=0.01, hidden_size=width, intermediate_size=expert_width,
        num_attention_heads=4, num_key_value_heads=4, num_experts=8, num_experts_per_tok=2,
        max_position_embeddings=context,
    )
    return OlmoeForCausalLM(config)


class DecoderBlock(nn.Module):
    """Llama's block with a preallocated key-value cache, q, k and v in one product as gpt-fast has them."""

    def __init__(self, width, heads, inner, capacity):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate, self.up = nn.Linear(width, inner, bias=False), nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)
        for name in ("keys", "values"):
            self.register_buffer(name, torch.zeros(1, heads, capacity, width // heads))

    def forward(self, x, positions, cos, sin, mask, end):
        batch, length, width = x.shape
        q, k, v = (t.view(batch, length, self.heads, -1).transpose(1, 2) for t in self.qkv(self.norm1(x)).split(width, 2))
        q, k = turn(q, cos, sin), turn(k, cos, sin)
        if end is None:
            self.keys.index_copy_(2, positions, k.to(self.keys.dtype))
            self.values.index_copy_(2, positions, v.to(self.values.dtype))
            y = F.scaled_dot_product_attention(q, self.keys.to(q.dtype), self.values.to(q.dtype), attn_mask=mask)
        else:
            self.keys[:, :, end - length : end] = k
            self.values[:, :, end - length : end] = v
            keys, values = self.keys[:, :, :end].to(q.dtype), self.values[:, :, :end].to(q.dtype)
            y = F.scaled_dot_product_attention(q, keys, values, is_causal=length > 1)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        normed = self.norm2(x)
        return x + self.down(F.silu(self.gate(normed)) * self.up(normed))


def turn(x, cos, sin):
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1).to(x.dtype)


class Decoder(nn.Module):
    """4 layers of width 256, the output layer tied to the embedding table."""

    def __init__(self, capacity, vocabulary=256, layers=4, heads=4, width=256, inner=688):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(DecoderBlock(width, heads, inner, capacity) for _ in range(layers))
        self.norm, self.head = nn.RMSNorm(width, eps=1e-5), nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        frequencies = 10000.0 ** -(torch.arange(0, width // heads, 2) / (width // heads))
        angles = torch.outer(torch.arange(capacity), frequencies)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        self.register_buffer("causal", torch.ones(capacity, capacity, dtype=torch.bool).tril())

    def forward(self, ids, positions, end=None):
        """`end`, how many positions are filled then, lets a mere slice of the cache be read; None keeps shapes static."""
        x = self.tokens(ids)
        cos, sin, mask = self.cos[positions], self.sin[positions], None if end else self.causal[positions]
        for block in self.blocks:
            x = block(x, positions, cos, sin, mask, end)
        return self.head(self.norm(x[:, -1:]))[:, -1]
