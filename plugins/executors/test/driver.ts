// A driver in a process of its own, to be killed: submits jobs, says their ids, and waits for them.
//   node driver.ts '{"plugin": "local", "config": {}, "directory": "…", "jobs": [...]}'
import type { Job } from '@mixlab/studies'
import { createExecutor } from './create-executor.ts'

const { plugin, config, directory, jobs } = JSON.parse(process.argv[2]!) as {
  plugin: string
  config: Record<string, unknown>
  directory: string
  jobs: Job[]
}
const executor = createExecutor(plugin, config, directory)
const ids = await Promise.all(jobs.map((job) => executor.submit(job)))
process.stdout.write(`${JSON.stringify(ids)}\n`)
for (;;) await executor.poll(1000)
