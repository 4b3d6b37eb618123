// `--track` and what is said when trackers have not got everything.
import { formatBytes } from '@mixlab/core'
import type { RunOptions } from '@mixlab/lab'
import type { RunFlags } from './main.ts'

export type TrackFlags = Pick<RunFlags, 'track' | 'trackSet' | 'trackWait'>

export const trackOptions = ({
  track,
  trackSet,
  trackWait,
}: TrackFlags): Pick<RunOptions, 'track' | 'trackSet' | 'trackSeconds'> => ({
  ...(track === false && { track: [] }),
  ...(Array.isArray(track) && { track }),
  ...(trackSet && { trackSet }),
  ...(trackWait !== undefined && { trackSeconds: trackWait }),
})

type Outcomes = Parameters<NonNullable<RunOptions['onTracked']>>[0]

/** A line for each tracker that has not got everything. @param run how the run is named on the command line, with flags */
export const unsentLines = (outcomes: Outcomes, run: string): string[] =>
  outcomes
    .filter((outcome) => outcome.bytes > 0 || outcome.runs > 0)
    .map(({ tracker, bytes: left, runs, problem }) => {
      const what = left > 0 ? `${formatBytes(left)} of events` : `the end of ${runs === 1 ? 'the run' : `${runs} runs`}`
      const why = problem === undefined ? 'there was no time left' : problem
      return `tracker ${tracker}: ${what} not sent (${why.replace(/\.$/, '')}); send the rest with: mixlab runs push ${run} --to ${tracker}`
    })
