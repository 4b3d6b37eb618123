// The shell script by which a scheduler runs a job on another machine. Environment and command stand in it and not on the
// scheduler's own lists, which everybody can read. The shell stays beside the command: it hands signals on, notes the exit
// status in a file (a scheduler forgets), and can do more afterwards.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Job, TRIAL_EXIT } from '@mixlab/studies'

export interface JobScript {
  /** A line is added to it with each end: the command's exit status. */
  readonly exits: string
  /**
   * A file that is locked while the command runs. A lost node's processes may outlive their scheduler's knowledge of them: a
   * later run waits until they have ended, so that no two write a trial's directory.
   */
  readonly lock: string
  /** Lines before the command, as they are. */
  readonly setup?: readonly string[]
  /** Shell expression for MIXLAB_THREADS, where the job's own environment does not say. */
  readonly threads: string
  /** What the shell hands on to the command, where the scheduler signals the shell alone. */
  readonly forward: readonly ('USR2' | 'TERM')[]
  /**
   * Where the scheduler gives SIGTERM to the shell and the command: a file whose existence means that the command, once
   * told, must end at once, or must not be started.
   */
  readonly killFile?: string
  /** Lines after the command; its status is `$code`. */
  readonly after?: readonly string[]
}

/** Some file systems never release the lock of a machine that is gone. */
const LONGEST_WAIT_S = 600

/** Where the jobs' locks are, whatever runs them; made where missing. */
export async function locksFolder(directory: string): Promise<string> {
  const folder = join(directory, 'executor', 'locks')
  await mkdir(folder, { recursive: true })
  return folder
}

/** A word that a POSIX shell reads back as this text. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

export function jobScript(job: Job, script: JobScript): string {
  const environment = Object.entries(job.environment).map(([name, value]) => `export ${name}=${quote(value)}`)
  const exits = quote(script.exits)
  const kill = script.killFile === undefined ? undefined : quote(script.killFile)
  return [
    '#!/bin/bash',
    `# ${job.name}`,
    ...(kill === undefined ? [] : [`if [ -e ${kill} ]; then echo ${TRIAL_EXIT.interrupted} >>${exits}; exit; fi`]),
    ...(script.setup ?? []),
    `export MIXLAB_THREADS=${script.threads}`,
    ...environment,
    'child= early= watcher=',
    // A signal ends `wait` early, and one that comes before there is a child is kept for it.
    'pass() { again=1; if [ -n "$child" ]; then kill -s "$1" "$child" 2>/dev/null; else early=$1; fi; }',
    ...script.forward.map((signal) => `trap 'pass ${signal}' ${signal}`),
    ...(kill === undefined
      ? []
      : [
          `watch() { while [ ! -e ${kill} ]; do sleep 1; done; kill -s KILL "$child"; }`,
          `trap 'again=1; if [ -z "$child" ]; then early=TERM; elif [ -z "$watcher" ]; then watch & watcher=$!; fi' TERM`,
        ]),
    'code=127 again=1 waited=0',
    `exec 9>>${quote(script.lock)}`,
    // 1: another holds it. Other failures are of file systems without locks.
    `while [ -z "$early" ] && [ "$waited" -lt ${LONGEST_WAIT_S} ]; do`,
    '  flock -n 9; [ $? = 1 ] || break',
    `  [ "$waited" != 0 ] || echo 'waiting for an earlier process of this trial to end' >>${quote(job.log)}`,
    '  sleep 1; waited=$((waited + 1))',
    'done',
    `if [ "$early" = TERM ]; then code=${TRIAL_EXIT.interrupted}`,
    `elif [ "$early" = USR2 ]; then code=${TRIAL_EXIT.requeue}`,
    `elif cd ${quote(job.folder)}; then`,
    // A scheduler that kills this shell alone (Ray does when a node's daemon dies) has the command save its state and end.
    "  guard=; setpriv --pdeathsig TERM true 2>/dev/null && guard='setpriv --pdeathsig TERM'",
    `  $guard ${job.command.map(quote).join(' ')} >>${quote(job.log)} 2>&1 &`,
    '  child=$!',
    '  [ -z "$early" ] || kill -s "$early" "$child"',
    '  while [ "$again" = 1 ]; do again=0; wait "$child"; status=$?; [ "$status" = 127 ] || code=$status; done',
    'fi',
    '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null',
    `echo "$code" >>${exits}`,
    ...(script.after ?? []),
    'exit "$code"',
    '',
  ].join('\n')
}
