# Writes the journal that fixtures/optuna-5.log is: every kind of operation, as Optuna writes it.
import sys

import optuna
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

storage = JournalStorage(JournalFileBackend(sys.argv[1]))
study = optuna.create_study(storage=storage, study_name="one", direction="maximize")
study.enqueue_trial({"x": 0.5, "c": None}, user_attrs={"é": 1})
study.set_user_attr("who", "Ada")
trial = study.ask()
trial.suggest_float("x", 0, 1)
trial.suggest_float("log", 1e-5, 1e2, log=True)
trial.suggest_float("step", 0, 0.95, step=0.1)
trial.suggest_int("i", 1, 9)
trial.suggest_int("ilog", 1, 64, log=True)
trial.suggest_int("istep", 1, 8, step=2)
trial.suggest_categorical("c", [None, True, 1, 2.5, 'é\u2028"', 1e-7])
trial.report(float("nan"), 1)
trial.report(1e-9, 3)
trial.report(-float("inf"), 2)
trial.set_user_attr("a", {"b": [1, 2.0, float("inf")], "text": "NaN, Infinity"})
storage.set_trial_system_attr(trial._trial_id, "s", 1)
study.tell(trial, 3)
trial = study.ask()
trial.report(-0.0, 0)
trial.report(7, 1)
study.tell(trial, state=TrialState.PRUNED)
study.tell(study.ask(), float("inf"))
study.tell(study.ask(), state=TrialState.FAIL)
study.add_trial(
    create_trial(
        params={"x": 0.25}, distributions={"x": FloatDistribution(0, 1)}, value=2, intermediate_values={3: 1.5}
    )
)
study.ask().suggest_float("x", 0, 2)
gone = optuna.create_study(storage=storage, study_name="gone")
gone.ask()
optuna.delete_study(study_name="gone", storage=storage)
two = optuna.create_study(storage=storage, study_name="two", directions=["maximize", "minimize"])
two.tell(two.ask(), [1, 2])
two.enqueue_trial({"y": 1})
