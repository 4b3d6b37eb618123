// Options that several commands have, and how their values are read.
import { type Command, InvalidArgumentError, Option } from 'commander'

/** For a repeatable option. */
export const collect = (value: string, earlier: readonly string[] = []): string[] => [...earlier, value]

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('expected a whole number, e.g. 1.')
}

export const runsOption = (): Option =>
  new Option('--runs <dir>', 'where runs are kept').env('MIXLAB_RUNS').default('runs')

/** Names with commas between them, repeatable, or none. */
export const names = (text: string, earlier?: readonly string[] | boolean): string[] => [
  ...(Array.isArray(earlier) ? earlier : []),
  ...text.split(',').filter((name) => name !== ''),
]

/** Adds the flags that say where a run is sent. */
export const withTrackOptions = (command: Command): Command =>
  command
    .option('--track <names>', 'send the run to trackers: mlflow, mlruns, tensorboard, csv; several by commas', names)
    .option('--no-track', 'no trackers, not even those that the experiment asks for')
    .option(
      '--track-set <tracker.field=value>',
      'set a field of a tracker, e.g. mlflow.checkpoints=true; repeatable',
      collect,
    )
    .option('--track-wait <seconds>', 'how long the end waits for trackers (default 10)', wholeNumber)
