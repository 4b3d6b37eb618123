# Optuna's side of `pnpm bench studies`: see studies-worker.ts.
import json
import os
import sys
import time

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
task, path = sys.argv[1:3]


def open_study():
    return optuna.load_study(storage=JournalStorage(JournalFileBackend(path)), study_name="study")


if task == "open":
    begun = time.perf_counter()
    trials = len(open_study().get_trials(deepcopy=False))
    print(json.dumps({"milliseconds": (time.perf_counter() - begun) * 1000, "trials": trials}))
else:
    study = open_study()
    print("ready", flush=True)
    os.read(0, 1)
    for i in range(int(sys.argv[3])):
        study.set_user_attr(f"{os.getpid()}-{i}", i)
    print(time.time() * 1000)
