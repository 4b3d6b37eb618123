// `mixlab runs push`: sends runs to trackers, in the foreground.
import { basename } from 'node:path'
import { formatBytes } from '@mixlab/core'
import { findRun, pushRunTo, runsFolder } from '@mixlab/lab'
import type { PushFlags } from './main.ts'
import { loadScript } from './script.ts'

const isTerminal = process.stderr.isTTY

export async function pushCommand(wanted: readonly string[], { to, set, script, runs }: PushFlags): Promise<void> {
  const paths = wanted.map((run) => findRun(run, runsFolder(runs)))
  const experiment = script === undefined ? undefined : (await loadScript(script)).experiment
  for (const path of paths) {
    const id = basename(path)
    const sent = await pushRunTo(path, {
      ...(to && { track: to }),
      ...(set && { trackSet: set }),
      ...(experiment && { experiment }),
      onProgress: (tracker, left) => {
        if (isTerminal) process.stderr.write(`\r\u001B[K${id} to ${tracker}: ${formatBytes(left.bytes)} left`)
      },
      onRetry: (tracker, message, seconds) =>
        process.stderr.write(`${isTerminal ? '\r\u001B[K' : ''}${tracker}: ${message}; again in ${seconds} s\n`),
    })
    if (isTerminal) process.stderr.write('\r\u001B[K')
    for (const [tracker, events] of sent) {
      const what = events === 0 ? 'has it all' : `${events.toLocaleString('en')} events sent`
      process.stdout.write(`${id}  ${tracker}  ${what}\n`)
    }
  }
}
