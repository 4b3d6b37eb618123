// `pnpm bench NAME`: benchmarks that anyone can run, each beside its peer where the peer is installed.
import { MixlabError } from '@mixlab/core'
import { benchAgents } from './agents.ts'
import { benchCalls } from './calls.ts'
import { benchCpu } from './cpu.ts'
import { benchLearningCurves } from './learning-curves.ts'
import { benchMlflow } from './mlflow.ts'
import { isBadOption } from './options.ts'
import { benchProfile } from './profile.ts'
import { benchStoppers } from './stoppers.ts'
import { benchStudies } from './studies.ts'
import { benchSweeps } from './sweeps.ts'
import { benchTracking } from './tracking.ts'

const [name, ...args] = process.argv.slice(2)
const benchmarks: Record<string, (args: readonly string[]) => void | Promise<void>> = {
  agents: benchAgents,
  calls: benchCalls,
  cpu: benchCpu,
  'learning-curves': benchLearningCurves,
  mlflow: benchMlflow,
  profile: benchProfile,
  stoppers: benchStoppers,
  studies: benchStudies,
  sweeps: benchSweeps,
  tracking: benchTracking,
}
const benchmark = name === undefined ? undefined : benchmarks[name]
if (benchmark) {
  try {
    await benchmark(args)
  } catch (error) {
    if (!MixlabError.is(error) && !isBadOption(error)) throw error
    console.error(`bench ${name}: ${error.message}`)
    process.exitCode = 2
  }
} else {
  console.error(
    `pnpm bench NAME: ${name === undefined ? 'name a benchmark' : `there is no benchmark "${name}"`}. Known: ${Object.keys(benchmarks).join(', ')}. Try pnpm bench cpu --help.`,
  )
  process.exitCode = 2
}
