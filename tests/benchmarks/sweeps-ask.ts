// How long our TPE takes to ask for a point after many trials; run in a process of its own as peer/sweeps_ask.py is, which
// see for the arguments and for what is printed.
import { RandomStream } from '@mixlab/core'
import type { Parameter, Trial } from '@mixlab/studies'
import { completeTrial, makeSampler } from './sweeps-study.ts'
import { quantile } from './rank-tests.ts'

const [trialCount, dimensions, asks] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const isInt = process.argv[5] === 'int'

const space = Array.from({ length: dimensions }, (_, i): Parameter => ({
  name: `x${i}`,
  distribution: isInt ? { kind: 'int', low: 0, high: 100 } : { kind: 'float', low: 0, high: 1 },
}))
const rng = new RandomStream(0)
const trials = Array.from({ length: trialCount }, (_, number): Trial => {
  const parameters = Object.fromEntries(space.map(({ name }) => [name, isInt ? rng.integer(101) : rng.uniform()]))
  return completeTrial(number, parameters, [Object.values(parameters).reduce((sum, value) => sum + value * value, 0)])
})
const sampler = makeSampler('tpe', space, ['minimize'], 0)

/** V8 compiles what it runs often for some dozen asks; a sweep's driver has long had them. */
const warm = 100

const walls: number[] = []
const cpus: number[] = []
for (let i = 0; i < asks + warm; i++) {
  const [wall, cpu] = [performance.now(), process.cpuUsage()]
  sampler.ask({ study: { space, directions: ['minimize'], trials }, number: trialCount, rng: rng.at(i) })
  walls.push(performance.now() - wall)
  const { user, system } = process.cpuUsage(cpu)
  cpus.push((user + system) / 1e3)
}
console.log(JSON.stringify({ wall: quantile(walls.slice(warm), 0.5), cpu: quantile(cpus.slice(warm), 0.5) }))
