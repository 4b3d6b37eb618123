// A study in the shape in which peer/dump.py prints it.
import type { Study, Trial } from '../src/index.ts'
import { distributionToJson } from '../src/distribution-json.ts'

const plain = (value: unknown): unknown => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

const shownTrial = (trial: Trial) => ({
  number: trial.number,
  state: trial.state,
  parameters: trial.parameters,
  distributions: Object.fromEntries(
    Object.entries(trial.distributions).map(([name, distribution]) => [name, distributionToJson(distribution)]),
  ),
  values: plain(trial.values ?? null),
  intermediate: plain([...trial.intermediate]),
  userAttributes: plain(trial.userAttributes),
  systemAttributes: plain(trial.systemAttributes),
  startedAt: trial.startedAt ?? null,
  finishedAt: trial.finishedAt ?? null,
})

export const shown = (study: Study) => ({
  directions: study.directions,
  userAttributes: plain(study.userAttributes),
  front: study.directions.length > 1 ? study.paretoFront.map(({ number }) => number) : [],
  trials: study.trials.map(shownTrial),
})
