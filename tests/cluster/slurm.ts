// A SLURM cluster of one machine, for tests: munged, slurmctld and slurmd of Debian's `slurm-wlm`, without systemd, in a
// folder of their own. The node claims more cores than the machine may have, so that jobs need not wait for each other.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export type SlurmDaemon = 'slurmctld' | 'slurmd'

export interface SlurmCluster {
  readonly folder: string
  /** To be set in the environment of whatever talks to the cluster. */
  readonly environment: { readonly SLURM_CONF: string }
  readonly partition: string
  kill(daemon: SlurmDaemon, signal?: NodeJS.Signals): void
  /** Nothing where it runs. */
  start(daemon: SlurmDaemon): Promise<void>
  /** Ends all jobs and daemons, and removes the folder. */
  stop(): Promise<void>
}

const daemons = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'scancel', 'scontrol'] as const
// Debian keeps the daemons where a user's PATH may not lead.
const path = `${process.env['PATH']}:/usr/sbin:/sbin`

/** Why there can be no cluster here; undefined where there can. */
export function slurmMissing(): string | undefined {
  const missing = daemons.filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH: path } }).status !== 0,
  )
  return missing.length > 0 ? `${missing.join(', ')} not installed (Debian: apt-get install slurm-wlm)` : undefined
}

export async function startSlurm(): Promise<SlurmCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'slurm-'))
  const file = (name: string) => join(folder, name)
  for (const name of ['state', 'spool']) mkdirSync(file(name))
  writeFileSync(file('munge.key'), randomBytes(128), { mode: 0o400 })
  writeFileSync(file('slurm.conf'), configuration(folder, await freePort(), await freePort()))
  const environment = { SLURM_CONF: file('slurm.conf') }
  const env = { ...process.env, ...environment, PATH: path }
  const tool = (name: string, ...args: string[]) =>
    execFileSync(name, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const pidOf = (name: string) => Number(readFileSync(file(`${name}.pid`), 'utf8'))

  tool(
    'munged',
    '--force',
    ...[
      'key-file=munge.key',
      'socket=munge.socket',
      'pid-file=munged.pid',
      'log-file=munged.log',
      'seed-file=munge.seed',
    ].map((option) => `--${option.replace('=', `=${folder}/`)}`),
  )

  const runs = (daemon: SlurmDaemon) => {
    try {
      // A process that was killed, and that nobody has waited for, is still listed.
      return new RegExp(`\\(${daemon}\\) [^ZX]`).test(readFileSync(`/proc/${pidOf(daemon)}/stat`, 'utf8'))
    } catch {
      return false
    }
  }

  async function start(daemon: SlurmDaemon): Promise<void> {
    if (runs(daemon)) return
    // Each makes itself a daemon and then ends.
    const args = daemon === 'slurmd' ? ['-d', tool('sh', '-c', 'command -v slurmstepd').trim()] : []
    await new Promise<void>((resolve, reject) => {
      const child = spawn(daemon, args, { env, stdio: 'ignore', detached: true })
      child.on('error', reject)
      child.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`${daemon} ended with ${code}: ${logOf(daemon)}`)),
      )
    })
  }

  const logOf = (name: string) => readFileSync(file(`${name}.log`), 'utf8').slice(-2000)

  async function until(what: string, holds: () => boolean): Promise<void> {
    for (let tries = 0; tries < 150; tries++) {
      try {
        if (holds()) return
      } catch {
        // The controller is not up yet.
      }
      await pause(200)
    }
    throw new Error(`SLURM: ${what} after 30 s\n${logOf('slurmctld')}\n${logOf('slurmd')}`)
  }

  const kill = (daemon: SlurmDaemon, signal: NodeJS.Signals = 'SIGKILL') => process.kill(pidOf(daemon), signal)

  await start('slurmctld')
  await start('slurmd')
  await until('the node is not idle', () => tool('sinfo', '--noheader', '--format=%T').trim() === 'idle')

  return {
    folder,
    environment,
    partition: 'work',
    kill,
    start,
    async stop() {
      try {
        tool('scancel', '--signal=KILL', '--full', `--user=${userInfo().username}`)
        await until('jobs go on', () => tool('squeue', '--noheader').trim() === '')
      } finally {
        for (const name of ['slurmd', 'slurmctld', 'munged']) {
          try {
            process.kill(pidOf(name), 'SIGKILL')
          } catch {
            // A test has killed it.
          }
        }
        rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
      }
    },
  }
}

const configuration = (folder: string, controllerPort: number, nodePort: number): string => {
  const host = hostname().split('.')[0]!
  const user = userInfo().username
  const memory = Math.floor(Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) / 1024 / 2)
  return `
ClusterName=mixlab
SlurmctldHost=${host}(127.0.0.1)
SlurmUser=${user}
SlurmdUser=${user}
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.socket
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
MessageTimeout=5
KillWait=5
SlurmdParameters=config_overrides
NodeName=${host} NodeAddr=127.0.0.1 CPUs=8 Boards=1 SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=${memory} State=UNKNOWN
PartitionName=work Nodes=${host} Default=YES MaxTime=INFINITE State=UP
`
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
