"""How a workload is timed and in which variants: float32 and bf16, eager and compiled. Compiling is part of the warm-up."""

import contextlib
import sys
import time

import torch

WARM_SECONDS = 0.5
BUDGET_SECONDS = 5


def median(values):
    return sorted(values)[len(values) // 2]


def median_seconds(run, warm, count):
    """Of `count` calls, or as many as fit the budget, but three at least; of a very slow one, one call."""
    run()
    start = time.perf_counter()
    run()
    if time.perf_counter() - start > BUDGET_SECONDS / 3:
        return time.perf_counter() - start
    begun, done = time.perf_counter(), 0
    while done < warm or time.perf_counter() - begun < WARM_SECONDS:
        run()
        done += 1
    each = (time.perf_counter() - begun) / done
    times = []
    for _ in range(max(3, min(count, int(BUDGET_SECONDS / each)))):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times)


def autocast(precision):
    """bf16 means automatic mixed precision: float32 parameters, products in bfloat16."""
    return torch.autocast("cpu", dtype=torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()


def compiled(function, variant):
    torch._dynamo.reset()
    return torch.compile(function) if variant == "compiled" else function


class Figures:
    """What was measured, and what could not be; `skip` holds variants that are not worth another round."""

    def __init__(self, skip):
        self.list = []
        self.skip = skip

    def attempt(self, workloads, precision, variant, unit, measure, less=False):
        """
        Records `measure()`, or in one line why it failed, for each of the workloads that it stands for; `less` where it
        does less than ours does.
        """
        if f"{workloads[0]}|{precision}|{variant}" in self.skip:
            return
        begun = time.perf_counter()
        try:
            outcome = {"value": measure()}
        except Exception as error:  # a variant that this machine or version cannot run is a finding, too
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            outcome = {"failed": f"{type(error).__name__}: {lines[0] if lines else ''}"[:160]}
        took = time.perf_counter() - begun
        shown = f"{outcome['value']:.4g} {unit}" if "value" in outcome else outcome["failed"]
        print(f"· PyTorch {workloads[0]}, {precision}, {variant}: {shown} ({took:.0f} s)", file=sys.stderr, flush=True)
        for workload in workloads:
            entry = {"workload": workload, "precision": precision, "variant": variant, "unit": unit}
            if less:
                entry["less"] = True
            self.list.append({**entry, **outcome})
