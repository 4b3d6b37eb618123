"""The functions of sweeps-problems.ts."""

import math

HEIGHTS = [1, 1.2, 3, 3.2]
SCALES = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
CENTRES = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]


def numbers(p):
    return [p[f"x{i}"] for i in range(len(p))]


def branin(p):
    x, y = p["x"], p["y"]
    fold = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return [fold**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10]


def hartmann6(p):
    x = numbers(p)
    return [-sum(h * math.exp(-sum(a * (v - c) ** 2 for v, a, c in zip(x, scales, centres))) for h, scales, centres in zip(HEIGHTS, SCALES, CENTRES))]


def rosenbrock(p):
    x = numbers(p)
    return [sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))]


def mixed(p):
    best = {"sgd": -1.5, "adam": -3, "adafactor": -2.5}[p["optimizer"]]
    penalty = {"sgd": 0.3, "adam": 0, "adafactor": 0.1}[p["optimizer"]]
    size = math.log2(p["width"]) + 0.5 * p["depth"]
    return [penalty + (math.log10(p["rate"]) - best) ** 2 + 0.2 * (size - 9) ** 2 + 4 * (p["dropout"] - 0.15) ** 2]


def conditional(p):
    rate = (math.log10(p["rate"]) + 3) ** 2
    if p["router"] == "top-k":
        return [0.2 + 0.5 * rate + 0.1 * (p["k"] - 3) ** 2]
    if p["router"] == "noisy":
        return [0.5 * rate + 0.1 * (p["k"] - 2) ** 2 + (math.log10(p["noise"]) + 1) ** 2 + (p["jitter"] - 0.3) ** 2]
    return [0.5 + 0.3 * rate]


def sphere(p):
    return [sum(v * v for v in numbers(p))]


def zdt1(p):
    x = numbers(p)
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return [x[0], g * (1 - math.sqrt(x[0] / g))]


def dtlz2(p):
    x = numbers(p)
    g = 1 + sum((v - 0.5) ** 2 for v in x[2:])
    a, b = x[0] * math.pi / 2, x[1] * math.pi / 2
    return [g * math.cos(a) * math.cos(b), g * math.cos(a) * math.sin(b), g * math.sin(a)]


FUNCTIONS = {
    "branin": branin,
    "hartmann-6": hartmann6,
    "rosenbrock-10": rosenbrock,
    "mixed": mixed,
    "conditional": conditional,
    "noisy": sphere,
    "zdt-1": zdt1,
    "dtlz-2": dtlz2,
}
