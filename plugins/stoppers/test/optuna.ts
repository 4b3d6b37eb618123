// Both sides of a replay: ours, and Optuna's in a Python process, in the same form.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type ContextOf, pluginConfiguration, type PluginTable, RandomStream, splitReference } from '@mixlab/core'
import { type Direction, replay, type Stopper, type Trial } from '@mixlab/studies'
import { stoppers } from '../src/index.ts'
import type { Scenario, StopperReference } from './scenarios.ts'

/** Of one trial: how often it reported, how it ended, the values with which it passed or reached ASHA's rungs. */
export type Outcome = readonly [reports: number, state: Trial['state'], rungs: readonly (number | string)[]]

export interface OptunaReplay {
  readonly versions: Readonly<Record<string, string>>
  readonly outcomes: readonly (readonly Outcome[])[]
  /** Of all replays together. */
  readonly seconds: number
}

/** A stopper by its configuration, as a lab makes it. */
export function makeStopper(reference: StopperReference, direction: Direction, study = 'study'): Stopper {
  const create = (wanted: StopperReference | string, context: ContextOf<'stopper'>): Stopper => {
    const { name, config } = splitReference(wanted)
    const plugin = stoppers.find((each) => each.name === name)!
    return plugin.create(pluginConfiguration(plugin, config), context as never)
  }
  const plugins = {
    create: (_kind: string, wanted: StopperReference, context: ContextOf<'stopper'>) => create(wanted, context),
  }
  return create(reference, { direction, study, plugins: plugins as unknown as PluginTable, rng: new RandomStream(0) })
}

const outcomeOf = ({ intermediate, state, systemAttributes }: Trial): Outcome => {
  const rungs = Object.entries(systemAttributes).filter(([key]) => key.startsWith('completed_rung_'))
  return [intermediate.size, state, rungs.map(([, value]) => asJson(Number(value)))]
}

/** `<reports><c|p|f>` and the values at rungs, e.g. `12p/0.5/0.25`: with the scenario that is every decision there was. */
export const asRecorded = ([reports, state, rungs]: Outcome): string => [`${reports}${state[0]}`, ...rungs].join('/')

const asJson = (value: number): number | string =>
  Number.isFinite(value) ? value : Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'

/** Each judgement by a stopper of its own: they keep nothing. */
export function ourReplay({ study, direction, jobs, picks, stopper, trials }: Scenario): readonly Outcome[] {
  let turn = 0
  const pick = (running: number): number => picks[turn++ % picks.length]! % running
  const options = { direction, jobs, ...(picks.length > 0 && { pick }) }
  const judge: Stopper['judge'] = (...given) => makeStopper(stopper, direction, study).judge(...given)
  return replay(trials, { judge }, options).map(outcomeOf)
}

/** A Python that has Optuna: MIXLAB_PEER_PYTHON or python3; undefined where neither has it. */
export function findOptuna(): string | undefined {
  const candidates = [process.env['MIXLAB_PEER_PYTHON'], 'python3'].filter((python) => python !== undefined)
  return candidates.find((python) => spawnSync(python, ['-c', 'import optuna, scipy']).status === 0)
}

/** @throws Error with what Python printed when it fails */
export function optunaReplay(python: string, scenarios: readonly Scenario[]): OptunaReplay {
  const input = JSON.stringify(scenarios, (_key, value: unknown) => (typeof value === 'number' ? asJson(value) : value))
  const { status, stdout, stderr } = spawnSync(python, [join(import.meta.dirname, 'fixtures/replay.py')], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`Optuna's replay failed: ${stderr}`)
  return JSON.parse(stdout) as OptunaReplay
}
