// SLURM's own commands: each is run once, and what it says on an error is made one line.
import { execFile } from 'node:child_process'
import { MixlabError } from '@mixlab/core'

/** A command of SLURM's that ended with an error. */
export interface SlurmProblem extends Error {
  readonly slurm: true
}

const isProblem = (error: unknown): error is SlurmProblem => error instanceof Error && 'slurm' in error

/** The controller is away, or too busy; the same request may succeed later. */
export const isSlurmOutage = (error: unknown): boolean =>
  isProblem(error) &&
  /unable to contact slurm controller|socket timed out|connect failure|connection (refused|reset|timed out)|standby mode|zero bytes|transport endpoint|temporarily|munge|authentication error|timed out after/i.test(
    error.message,
  )

const TOOL_TIMEOUT_MS = 120_000

/**
 * @returns what the command wrote to its standard output
 * @throws MixlabError where SLURM is not installed; SlurmProblem with what the command complained of
 */
export const runSlurm = (tool: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(
      tool,
      args,
      { env: slurmEnvironment(), timeout: TOOL_TIMEOUT_MS, maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else if (error.code === 'ENOENT') {
          reject(
            new MixlabError(
              `executor slurm: ${tool} is not on the PATH; run the sweep where SLURM jobs are submitted (a login node), or choose --executor local`,
              { code: 'executor', cause: error },
            ),
          )
        } else {
          const said = complaint(stderr) || (error.killed === true ? 'timed out after 2 minutes' : error.message)
          reject(Object.assign(new Error(`${tool}: ${said}`), { slurm: true as const }))
        }
      },
    )
  })

/** `sbatch: error: a\nsbatch: error: Batch job submission failed: b` → `a; b`. */
export const complaint = (stderr: string): string =>
  [
    ...new Set(
      stderr
        .split('\n')
        .map((line) =>
          line
            .replace(/^\w+: ((error|fatal): )?/, '')
            .replace(/^Batch job submission failed: /, '')
            .trim(),
        )
        .filter((line) => line !== ''),
    ),
  ].join('; ')

/** A driver that itself runs in a SLURM job must not hand that job's shape on to the jobs that it submits. */
const slurmEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('SLURM_') || /^SLURM_(CONF|CLUSTERS)$/.test(name)),
  )
