"""The peer of `pnpm bench sweeps --peer`: the same problems with Optuna's samplers.

Usage: python3 peer/sweeps.py JSON, with {"problem": {"name", "space", "directions", "noise"}, "sampler", "seeds", "trials", "probes"}.
Its last line is JSON: {"outcomes": for each seed the values of all trials, seen without noise and with, "probes": the
function's values at the given points, "versions"}.
"""

import json
import sys
import warnings

import cmaes
import numpy as np
import optuna
import scipy
from sweeps_problems import FUNCTIONS

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.CRITICAL)

task = json.loads(sys.argv[1])
problem = task["problem"]
function = FUNCTIONS[problem["name"]]


def sampler(name, seed):
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if name == "sobol":
        return optuna.samplers.QMCSampler(qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False)
    if name == "tpe":
        # `group` is what makes it fit for conditional spaces; of several objectives it would change the default.
        return optuna.samplers.TPESampler(seed=seed, group=len(problem["directions"]) == 1)
    if name == "cma-es":
        return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return optuna.samplers.NSGAIISampler(seed=seed)


def suggest(trial, name, distribution):
    if distribution["kind"] == "categorical":
        return trial.suggest_categorical(name, distribution["choices"])
    method = trial.suggest_int if distribution["kind"] == "int" else trial.suggest_float
    rest = {key: distribution[key] for key in ("log", "step") if key in distribution}
    return method(name, distribution["low"], distribution["high"], **rest)


def run(seed):
    noise = np.random.RandomState(10_000 + seed)
    exact, seen = [], []

    def objective(trial):
        drawn = {}
        for parameter in problem["space"]:
            when = parameter.get("when")
            if when is None or drawn.get(when["parameter"]) in when["values"]:
                drawn[parameter["name"]] = suggest(trial, parameter["name"], parameter["distribution"])
        values = function(drawn)
        exact.append(values)
        seen.append([value + problem["noise"] * noise.randn() for value in values] if problem.get("noise") else values)
        return seen[-1]

    study = optuna.create_study(directions=problem["directions"], sampler=sampler(task["sampler"], seed))
    study.optimize(objective, n_trials=task["trials"])
    return {"exact": exact, "seen": seen}


versions = {"optuna": optuna.__version__, "cmaes": cmaes.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
outcomes = [run(seed) for seed in range(task["seeds"])]
print(json.dumps({"outcomes": outcomes, "probes": [function(point) for point in task["probes"]], "versions": versions}))
