# Prints a study as Optuna sees it, one JSON object; non-finite numbers as text, a categorical's values as they are.
import json
import math
import sys

import optuna
from optuna.distributions import distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)


def plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def milliseconds(time):
    return None if time is None else round(time.timestamp() * 1e6) // 1000


storage = JournalStorage(JournalFileBackend(sys.argv[1]))
study = optuna.load_study(storage=storage, study_name=sys.argv[2])
names = {"RUNNING": "running", "WAITING": "waiting", "COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
print(
    json.dumps(
        {
            "directions": [direction.name.lower() for direction in study.directions],
            "userAttributes": plain(study.user_attrs),
            "front": sorted(t.number for t in study.best_trials) if len(study.directions) > 1 else [],
            "trials": [
                {
                    "number": t.number,
                    "state": names[t.state.name],
                    "parameters": t.params,
                    "distributions": {name: distribution_to_json(d) for name, d in t.distributions.items()},
                    "values": plain(t.values),
                    "intermediate": plain(sorted(t.intermediate_values.items())),
                    "userAttributes": plain(t.user_attrs),
                    "systemAttributes": plain(t.system_attrs),
                    "startedAt": milliseconds(t.datetime_start),
                    "finishedAt": milliseconds(t.datetime_complete),
                }
                for t in study.trials
            ],
        }
    )
)
