"""The peer of `pnpm bench cpu --peer`: the same workloads in PyTorch and Hugging Face transformers, on the same threads.

Usage: python3 peer.py THREADS REPEATS [WORKLOAD …]   prints one line of JSON {workload: {"value": …, "unit": …}}.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

threads, repeats, chosen = int(sys.argv[1]), int(sys.argv[2]), set(sys.argv[3:])
torch.set_num_threads(threads)
torch.manual_seed(0)
results = {}


def wanted(name):
    return not chosen or name in chosen


def median_seconds(run, warm, count):
    begun, done = time.perf_counter(), 0
    while done < warm or time.perf_counter() - begun < 0.5:
        run()
        done += 1
    times = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


for size in (256, 512, 1024):
    name = f"matmul-{size}"
    if wanted(name):
        a, b = torch.randn(size, size), torch.randn(size, size)
        seconds = median_seconds(lambda: a @ b, 5, 30)
        results[name] = {"value": 2 * size**3 / seconds / 1e9, "unit": "GFLOP/s"}


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


def time_training(name, model, loss_of, repeats):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    results[name] = {"value": 1e3 * median_seconds(step, 3, repeats), "unit": "ms"}


if wanted("nanogpt-step"):
    ids = torch.randint(65, (12, 65))
    time_training("nanogpt-step", NanoGPT(), lambda m: m(ids[:, :-1], ids[:, 1:]), max(repeats, 20))


def olmoe(**overrides):
    from transformers import OlmoeConfig, OlmoeForCausalLM

    config = OlmoeConfig(
        vocab_size=256, num_hidden_layers=4, pad_token_id=0, bos_token_id=1, eos_token_id=2, use_cache=False,
        output_router_logits=True, router_aux_loss_coef=0.01, **overrides,
    )
    return OlmoeForCausalLM(config)


def fastest_experts(name, build, batch, length):
    """Times every expert implementation that this version of transformers has; keeps the fastest."""
    best = None
    for implementation in ("grouped_mm", "eager"):
        try:
            model = build()
            model.set_experts_implementation(implementation)
            ids = torch.randint(256, (batch, length))
            time_training(name, model, lambda m: m(input_ids=ids, labels=ids).loss, repeats)
        except Exception as error:  # an implementation that this CPU or version lacks
            print(f"{name} with {implementation}: {error}", file=sys.stderr)
            continue
        if best is None or results[name]["value"] < best["value"]:
            best = {**results[name], "implementation": implementation}
    results[name] = best


if wanted("olmoe-step"):
    shape = dict(hidden_size=256, intermediate_size=512, num_attention_heads=4, num_key_value_heads=4, num_experts=8,
                 num_experts_per_tok=2, max_position_embeddings=256)
    fastest_experts("olmoe-step", lambda: olmoe(**shape), 8, 256)
if wanted("plain-mixture-step"):
    shape = dict(hidden_size=128, intermediate_size=256, num_attention_heads=4, num_key_value_heads=4, num_experts=8,
                 num_experts_per_tok=2, max_position_embeddings=128)
    fastest_experts("plain-mixture-step", lambda: olmoe(**shape), 8, 128)

import transformers  # noqa: E402

results["versions"] = {"torch": torch.__version__, "transformers": transformers.__version__, "threads": threads}
print(json.dumps(results))
