// One study, its trials run by turns by us and by Optuna in Python: each counts the other's rungs, so that the outcome is that
// of a replay of all trials by one of them.
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RandomStream } from '@mixlab/core'
import { createStudy, type RecordedTrial, type Study } from '@mixlab/studies'
import { expect, test } from 'vitest'
import { findOptuna, makeStopper, ourReplay } from './optuna.ts'
import type { StopperReference } from './scenarios.ts'

const worker = `
import json, sys, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

path, name, curve = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
pruners = {
    "asha": optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    "hyperband": optuna.pruners.HyperbandPruner(max_resource=27),
}
storage = JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))
study = optuna.load_study(study_name="both", storage=storage, pruner=pruners[name])
trial = study.ask()
for step, value in curve:
    trial.report(value, step)
    if trial.should_prune():
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        break
else:
    study.tell(trial, curve[-1][1])
`

async function runHere(study: Study, stopper: StopperReference, { reports, value }: RecordedTrial): Promise<void> {
  const trial = (await study.ask())!
  const judge = makeStopper(stopper, 'minimize', study.name)
  for (const [step, reported] of reports) {
    // oxlint-disable-next-line no-await-in-loop
    await trial.report(reported, step)
    // oxlint-disable-next-line no-await-in-loop
    if (await trial.shouldStop(judge)) return void (await study.tell(trial.number, 'pruned'))
  }
  await study.tell(trial.number, value!)
}

const python = findOptuna()
if (python === undefined)
  console.log('no study together with Optuna: no python3 with optuna and scipy (set MIXLAB_PEER_PYTHON to one)')

test.skipIf(python === undefined).each([
  { name: 'asha', minimumResource: 1, reductionFactor: 2 },
  { name: 'hyperband', maximumResource: 27 },
])('$name', { timeout: 120_000 }, async (stopper) => {
  const folder = await mkdtemp(join(tmpdir(), 'mixlab-stoppers-'))
  try {
    const path = join(folder, 'journal.log')
    const sampler = { ask: () => ({ parameters: {} }) }
    const study = await createStudy({ path, name: 'both', directions: ['minimize'], space: [], sampler })
    const rng = new RandomStream(3, stopper.name)
    const trials = Array.from({ length: 10 }, (): RecordedTrial => {
      const reports = Array.from({ length: 27 }, (_, step) => [step + 1, rng.uniform() + 9 / (step + 9)] as const)
      return { reports, value: reports.at(-1)![1] }
    })
    for (const [number, trial] of trials.entries()) {
      if (number % 2 === 0) {
        // oxlint-disable-next-line no-await-in-loop
        await runHere(study, stopper, trial)
        continue
      }
      const { status, stderr } = spawnSync(python!, ['-c', worker, path, stopper.name, JSON.stringify(trial.reports)])
      expect(status, String(stderr)).toBe(0)
    }
    const outcomes = study.trials.map(({ intermediate, state, systemAttributes }) => [
      intermediate.size,
      state,
      Object.entries(systemAttributes).flatMap(([key, value]) => (key.startsWith('completed_rung_') ? [value] : [])),
    ])
    const alone = { study: 'both', direction: 'minimize' as const, jobs: 1, picks: [], stopper, trials }
    expect(outcomes).toEqual(ourReplay(alone))
    expect(new Set(outcomes.map(([, state]) => state))).toEqual(new Set(['complete', 'pruned']))
  } finally {
    await rm(folder, { recursive: true })
  }
})
