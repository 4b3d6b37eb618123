// Every decision of every stopper against Optuna's in the same scenarios: recorded ones (fixtures/record.ts), and new ones
// where Optuna is installed. Each judgement is made by a stopper that was made for it alone, as in a process that has just
// joined: what it must remember is in the study.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { asRecorded, findOptuna, optunaReplay, ourReplay } from './optuna.ts'
import { checksumOf, scenario, stopperNames } from './scenarios.ts'

interface Recorded {
  readonly scenarios: readonly {
    readonly study: string
    readonly stopper: object
    readonly checksum: number
    readonly trials: string
  }[]
}

const { scenarios: recorded } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/decisions.json'), 'utf8'),
) as Recorded

describe.each(stopperNames)('%s decides as Optuna did', (name) => {
  const mine = recorded.filter(({ study }) => study.startsWith(`${name}-`))

  test.each(mine)('$study $stopper', ({ study, checksum, trials }) => {
    const replayed = scenario(name, Number(study.split('-').at(-1)))
    expect(checksumOf(replayed), 'these are not the curves that were recorded: record again').toBe(checksum)
    expect(ourReplay(replayed).map(asRecorded)).toEqual(trials.split(' '))
  })

  test('and there was something to decide', () => {
    const outcomes = mine.flatMap(({ trials }) => trials.split(' ')).map((trial) => trial.replace(/\/.*/, ''))
    const decisions = outcomes.reduce((sum, outcome) => sum + Number.parseInt(outcome, 10), 0)
    const stopped = outcomes.filter((outcome) => outcome.endsWith('p')).length
    expect(mine.length).toBeGreaterThanOrEqual(16)
    expect(decisions).toBeGreaterThan(4000)
    expect(stopped / outcomes.length).toBeGreaterThan(0.2)
    expect(stopped / outcomes.length).toBeLessThan(0.95)
  })
})

const python = findOptuna()
if (python === undefined)
  console.log('no new scenarios beside Optuna: no python3 with optuna and scipy (set MIXLAB_PEER_PYTHON to one)')

/** Without the sign of zero, which does not come through JSON to Optuna. */
const unsigned = (outcome: unknown): unknown =>
  Array.isArray(outcome) ? outcome.map(unsigned) : outcome === 0 ? 0 : outcome

test.skipIf(python === undefined)('of new scenarios, beside Optuna', { timeout: 600_000 }, () => {
  const first = Math.floor(Date.now() / 1000)
  // scipy needs half a minute for a scenario of `wilcoxon`.
  const scenarios = stopperNames.flatMap((name) =>
    Array.from({ length: name === 'wilcoxon' ? 1 : 4 }, (_, index) => scenario(name, first + index)),
  )
  const { outcomes } = optunaReplay(python!, scenarios)
  for (const [index, each] of scenarios.entries())
    expect(unsigned(ourReplay(each)), `scenario('${each.stopper.name}', ${each.study.split('-').at(-1)})`).toEqual(
      outcomes[index],
    )
})
