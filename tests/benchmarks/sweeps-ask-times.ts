// How long TPE's ask takes beside Optuna's, by turns, so that a ratio is of figures of the same minute.
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { lastLine } from './peer-process.ts'
import { quantile } from './rank-tests.ts'

/** Milliseconds: by the clock, and of the processor. */
interface Time {
  readonly wall: number
  readonly cpu: number
}

export interface AskTime {
  readonly kind: 'float' | 'int'
  readonly trials: number
  readonly parameters: number
  readonly rounds: number
  /** Medians over rounds of a round's median over asks. */
  readonly ours: Time
  readonly optuna: Time
  /** Medians over rounds of the ratio within a round. */
  readonly ratio: Time
}

async function timeOf(command: string, script: string, args: readonly string[]): Promise<Time> {
  const time = await lastLine<Time>(command, [join(import.meta.dirname, script), ...args])
  if (typeof time === 'string') throw new MixlabError(`${script} failed: ${time}`)
  return time
}

export async function timeAsks(python: string, kind: AskTime['kind'], rounds: number): Promise<AskTime> {
  const [trials, parameters, asks] = [1000, 10, 30]
  const args = [trials, parameters, asks, kind].map(String)
  const turns: { ours: Time; optuna: Time }[] = []
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`asks, ${kind}, round ${round + 1} of ${rounds} …\n`)
    const ours = await timeOf(process.execPath, 'sweeps-ask.ts', args)
    turns.push({ ours, optuna: await timeOf(python, 'peer/sweeps_ask.py', args) })
  }
  const medians = (of: (turn: { ours: Time; optuna: Time }, clock: keyof Time) => number): Time => ({
    wall: quantile(
      turns.map((turn) => of(turn, 'wall')),
      0.5,
    ),
    cpu: quantile(
      turns.map((turn) => of(turn, 'cpu')),
      0.5,
    ),
  })
  return {
    kind,
    trials,
    parameters,
    rounds,
    ours: medians(({ ours }, clock) => ours[clock]),
    optuna: medians(({ optuna }, clock) => optuna[clock]),
    ratio: medians(({ ours, optuna }, clock) => ours[clock] / optuna[clock]),
  }
}
