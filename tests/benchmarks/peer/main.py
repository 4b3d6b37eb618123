"""The peer of `pnpm bench cpu --peer`: the same workloads in PyTorch and Hugging Face transformers, on the same threads.

Usage: python3 peer/main.py THREADS REPEATS PRECISIONS [WORKLOAD …]
MIXLAB_PEER_SKIP: a JSON list of "workload|precision|variant" that an earlier round has done with.
Its last line is JSON: {"figures": [{"workload", "precision", "variant", "unit", "value" or "failed"}, …],
"bandwidth": {"copy", "read"} in GB/s, "versions"}. Progress goes to stderr.
"""

import json
import os
import sys
import time

import torch
import transformers
from models import Decoder, NanoGPT, olmoe
from torch import nn
from variants import Figures, autocast, compiled, median, median_seconds

threads, repeats, precisions, chosen = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), set(sys.argv[4:])
torch.set_num_threads(threads)
figures = Figures(set(json.loads(os.environ.get("MIXLAB_PEER_SKIP", "[]"))))
modes = ("eager", "compiled")


def wanted(*names):
    return not chosen or any(name in chosen for name in names)


def measure_product(size, precision, mode, cast=False):
    """GFLOP/s of float32 operands; in bf16 those of autocast, which rounds them, or `cast` before the clock starts."""
    a, b = (torch.randn(size, size).to(torch.bfloat16 if cast else torch.float32) for _ in range(2))

    def multiply():
        with autocast(precision):
            return torch.matmul(a, b)

    product = compiled(multiply, mode)
    return 2 * size**3 / median_seconds(product, 5, 30) / 1e9


def measure_training(model, loss_of, precision, mode, repeats):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True)

    def loss():
        with autocast(precision):
            return loss_of(model)

    run = compiled(loss, mode)

    def step():
        optimizer.zero_grad(set_to_none=True)
        run().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return 1e3 * median_seconds(step, 2, repeats)


def measure_olmoe(width, expert_width, context, precision, implementation, mode):
    batch, layers, choices = 8, 4, 2
    if implementation == "batched_mm":
        # It gathers each token's own copy of its experts' weights, and keeps them for the backward pass.
        needed = layers * batch * context * choices * 3 * width * expert_width * 4
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if 3 * needed > available:
            raise MemoryError(f"it would keep {needed / 1e9:.0f} GB of gathered weights")
    model = olmoe(width, expert_width, context)
    model.set_experts_implementation(implementation)
    ids = torch.randint(256, (batch, context))
    return measure_training(model, lambda m: m(input_ids=ids, labels=ids).loss, precision, mode, repeats)


def measure_decoding(precision, cast_weights, mode, prompt=16, tokens=128):
    """Median milliseconds a token of greedy decoding, the first of each sequence, which reads the prompt, left out."""
    model = Decoder(prompt + tokens)
    if cast_weights:
        model = model.to(torch.bfloat16)
    run = compiled(model, mode)
    ids = torch.randint(256, (1, prompt))

    def sequence():
        times = []
        token = model(ids, torch.arange(prompt), prompt).argmax(-1).item()
        for position in range(prompt, prompt + tokens - 1):
            start = time.perf_counter()
            end = None if mode == "compiled" else position + 1
            token = run(torch.tensor([[token]]), torch.tensor([position]), end).argmax(-1).item()
            times.append(time.perf_counter() - start)
        return times

    with torch.inference_mode(), autocast("float32" if cast_weights else precision):
        for _ in range(3):
            sequence()
        return 1e3 * median([each for _ in range(repeats) for each in sequence()])


def measure_bandwidth():
    """GB/s; a copy counts what it reads and what it writes."""
    source, target = torch.ones(32 << 20), torch.empty(32 << 20)
    copy = median_seconds(lambda: target.copy_(source), 3, 20)
    read = median_seconds(lambda: source.sum(), 3, 20)
    return {"copy": 2 * source.nbytes / copy / 1e9, "read": source.nbytes / read / 1e9}


for precision in precisions:
    for size in (256, 512, 1024):
        for mode in modes if wanted(f"matmul-{size}") else ():
            figures.attempt(
                [f"matmul-{size}"], precision, mode, "GFLOP/s", lambda: measure_product(size, precision, mode))
            if precision == "bf16":
                figures.attempt(
                    [f"matmul-{size}"], precision, f"{mode}, bf16 operands", "GFLOP/s",
                    lambda: measure_product(size, precision, mode, cast=True), less=True)
    for mode in modes if wanted("nanogpt-step") else ():
        ids = torch.randint(65, (12, 65))
        figures.attempt(["nanogpt-step"], precision, mode, "ms", lambda: measure_training(
            NanoGPT(), lambda m: m(ids[:, :-1], ids[:, 1:]), precision, mode, max(repeats, 20)))
    for names, shape in ((["olmoe-step"], (256, 512, 256)), (["plain-mixture-step", "mixture-step"], (128, 256, 128))):
        for implementation in ("grouped_mm", "batched_mm", "eager") if wanted(*names) else ():
            for mode in modes:
                figures.attempt(
                    names, precision, f"{implementation} {mode}", "ms",
                    lambda: measure_olmoe(*shape, precision, implementation, mode))
    for mode in modes if wanted("decode") else ():
        figures.attempt(["decode"], precision, mode, "ms", lambda: measure_decoding(precision, False, mode))
        if precision == "bf16":
            figures.attempt(
                ["decode"], precision, f"{mode}, bf16 weights", "ms", lambda: measure_decoding(precision, True, mode))

versions = {"torch": torch.__version__, "transformers": transformers.__version__, "threads": threads}
print(json.dumps({"figures": figures.list, "bandwidth": measure_bandwidth(), "versions": versions}))
