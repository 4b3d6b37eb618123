# Runs trials of a study: journal, study, how many, the lock's kind. Prints the numbers of those that it has told.
import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalFileSymlinkLock

optuna.logging.set_verbosity(optuna.logging.ERROR)
path, name, count, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
lock = {"open": JournalFileOpenLock, "symlink": JournalFileSymlinkLock}[kind](path)
study = optuna.load_study(
    storage=JournalStorage(JournalFileBackend(path, lock)), study_name=name, sampler=optuna.samplers.RandomSampler()
)
for _ in range(count):
    trial = study.ask()
    x = trial.suggest_float("x", -1, 1)
    k = trial.suggest_int("k", 1, 8)
    c = trial.suggest_categorical("c", ["a", "b"])
    trial.report(x * x, 1)
    trial.set_user_attr("writer", "python")
    study.tell(trial, x * x + k + (c == "b"))
    print(trial.number, flush=True)
