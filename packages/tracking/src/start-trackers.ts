// The run's side of its trackers: starts the process that owns them, passes on what it has to say, and at the end waits
// for it as long as it is worth. Nothing here can fail a run that has started.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { MixlabError } from '@mixlab/core'
import type { FollowOutcome } from './follow.ts'
import type { TrackerRequest } from './load-trackers.ts'
import type { FromTrackers, ToTrackers } from './messages.ts'

const processFile = new URL(
  /\.ts(\?|$)/.test(import.meta.url) ? './trackers-process.ts' : './trackers-process.js',
  import.meta.url,
)
/** A tracker that takes the process down is given a few more chances, not at once. */
const restarts = 3
const restartMs = 10_000
const checkMs = 3000
/** How much longer than it was told to the process may take, before it is killed. */
const graceMs = 2000

export interface TrackersOptions {
  readonly trackers: readonly TrackerRequest[]
  /** URLs of the modules that export them. */
  readonly modules: readonly string[]
  /** Called when a tracker fails for the first time after it succeeded. */
  readonly onProblem: (tracker: string, message: string) => void
  readonly onRecovered: (tracker: string) => void
}

export interface Trackers extends Disposable {
  /** Begins to deliver what is in that run directory and what will be added to it. */
  follow(directory: string): void
  /**
   * The run has ended: sends the rest, for at most `limitMs`, or until the signal is aborted.
   * @returns what has not arrived, by tracker; never throws
   */
  finish(options: { readonly limitMs: number; readonly signal?: AbortSignal }): Promise<readonly FollowOutcome[]>
}

const say = (child: ChildProcess, message: ToTrackers): void => {
  // It may be gone: then its end has been heard of, or will be.
  if (child.connected) child.send(message, () => undefined)
}

/**
 * Makes the trackers in a process of their own, and checks them.
 * @throws MixlabError when one is unknown, or its configuration is certainly wrong.
 */
export async function startTrackers({ trackers, modules, onProblem, onRecovered }: TrackersOptions): Promise<Trackers> {
  const names = trackers.map(({ name }) => name).join(', ')
  let directory: string | undefined
  let outcomes: readonly FollowOutcome[] | undefined
  let finishing = false
  let restarted = 0
  let timer: NodeJS.Timeout | undefined

  function start(check: number): ChildProcess {
    const child = fork(processFile, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'json' })
    child.on('error', () => undefined)
    say(child, { type: 'prepare', modules, trackers, checkMs: check })
    return child
  }

  function attend(child: ChildProcess): void {
    child.unref()
    child.channel?.unref()
    let said = ''
    child.stderr?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4000)))
    ;(child.stderr as NodeJS.ReadStream | null)?.unref?.()
    child.on('message', (message: FromTrackers) => {
      if (message.type === 'problem') onProblem(message.tracker, message.message)
      else if (message.type === 'recovered') onRecovered(message.tracker)
      else if (message.type === 'refused') onProblem(names, message.message)
      else if (message.type === 'done') outcomes = message.outcomes
    })
    child.on('exit', (code, signal) => {
      if (finishing) return
      const reason = said.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? `exit code ${code ?? signal}`
      onProblem(names, `the process that sends to trackers ended (${reason})`)
      if (restarted++ >= restarts) return
      timer = setTimeout(() => {
        current = start(0)
        attend(current)
        if (directory !== undefined) say(current, { type: 'follow', directory })
      }, restartMs).unref()
    })
  }

  let current = start(checkMs)
  const [answer] = (await Promise.race([
    once(current, 'message'),
    once(current, 'exit').then(() => [
      { type: 'refused', message: 'the process of the trackers ended before it was ready', code: 'tracker' },
    ]),
  ])) as [FromTrackers]
  if (answer.type === 'refused') {
    current.kill('SIGKILL')
    throw new MixlabError(answer.message, { code: answer.code ?? 'tracker' })
  }
  attend(current)

  return {
    follow(path) {
      directory = path
      say(current, { type: 'follow', directory: path })
    },
    async finish({ limitMs, signal }) {
      finishing = true
      clearTimeout(timer)
      const child = current
      if (child.exitCode === null && child.signalCode === null) {
        const over = once(child, 'exit').catch(() => undefined)
        child.ref()
        say(child, { type: 'finish', limitMs })
        let late: NodeJS.Timeout | undefined
        const limit = new Promise<void>((resolve) => {
          late = setTimeout(resolve, limitMs + graceMs)
          signal?.addEventListener('abort', () => resolve())
        })
        await Promise.race([over, limit])
        clearTimeout(late)
        child.kill('SIGKILL')
        // Its lock counts until it is gone, and that is what the next process to send the run looks at.
        await Promise.race([over, new Promise((resolve) => setTimeout(resolve, graceMs).unref())])
      }
      const lost = trackers.map(({ name }) => ({
        tracker: name,
        bytes: 0,
        runs: 1,
        problem: 'the process that sends to trackers ended',
      }))
      return outcomes ?? lost
    },
    [Symbol.dispose]() {
      finishing = true
      clearTimeout(timer)
      current.kill('SIGKILL')
    },
  }
}
