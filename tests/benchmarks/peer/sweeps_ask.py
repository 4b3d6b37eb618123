"""How long Optuna's TPE takes to ask for a point after many trials: the peer of sweeps-ask.ts.

Usage: python3 peer/sweeps_ask.py TRIALS DIMENSIONS ASKS KIND
Its last line is JSON: {"wall", "cpu"}, medians in milliseconds of what the sampler itself does (no storage, no new trial).
"""

import json
import statistics
import sys
import time
import warnings

import numpy as np
import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.CRITICAL)
trials, dimensions, asks, kind = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

is_int = kind == "int"
distributions = {
    f"x{i}": optuna.distributions.IntDistribution(0, 100) if is_int else optuna.distributions.FloatDistribution(0, 1)
    for i in range(dimensions)
}
rng = np.random.RandomState(0)
sampler = optuna.samplers.TPESampler(seed=0)
study = optuna.create_study(sampler=sampler)
for _ in range(trials):
    parameters = {name: int(rng.randint(101)) if is_int else rng.rand() for name in distributions}
    value = sum(each**2 for each in parameters.values())
    study.add_trial(optuna.trial.create_trial(params=parameters, distributions=distributions, value=value))
trial = study._storage.get_trial(study.ask()._trial_id)

walls, cpus = [], []
for _ in range(asks + 5):
    wall, cpu = time.perf_counter(), time.process_time()
    space = sampler.infer_relative_search_space(study, trial)
    point = sampler.sample_relative(study, trial, space)
    walls.append(time.perf_counter() - wall)
    cpus.append(time.process_time() - cpu)
    assert len(point) == dimensions
print(json.dumps({"wall": 1e3 * statistics.median(walls[5:]), "cpu": 1e3 * statistics.median(cpus[5:])}))
