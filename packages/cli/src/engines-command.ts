// `mixlab engines`: what can run tensors here, why not, and how fast.
import { styleText } from 'node:util'
import { registerEngines } from '@mixlab/lab'
import { problemLine } from './problem.ts'
import { table } from './text.ts'

export async function enginesCommand(options: {
  readonly kernels?: boolean
  readonly benchmark: boolean
}): Promise<void> {
  const { probeEngines, useEngine } = await registerEngines()
  const engines = await probeEngines()
  const available = engines.filter(({ availability }) => availability.ok)
  for (const { name, summary, availability } of engines) {
    const state = availability.ok ? styleText('green', 'available') : styleText('yellow', 'not available')
    const why = availability.ok ? availability.detail : availability.reason
    process.stdout.write(`${styleText('bold', name.padEnd(10))} ${state}: ${why}\n${' '.repeat(11)}${summary}\n`)
    if (!availability.ok) continue
    try {
      const engine = await useEngine(name)
      // The oracle is slow by design: a thousandth of this benchmark would tell as much.
      if (options.benchmark && name !== 'reference') {
        const { measureSpeed } = await import('./benchmark.ts')
        const { gigaflops, gigabytes } = await measureSpeed()
        process.stdout.write(
          `${' '.repeat(11)}matrix product ${gigaflops.toFixed(1)} GFLOP/s, memory ${gigabytes.toFixed(1)} GB/s\n`,
        )
      }
      if (options.kernels === true) {
        const kernels = engine.kernels().toSorted((a, b) => a.name.localeCompare(b.name))
        const rows = kernels.map((kernel) => [kernel.name, kernel.native ? 'native' : 'JavaScript'])
        process.stdout.write(
          `${table(['kernel', 'runs in'], rows)}\n${rows.filter(([, where]) => where === 'native').length} of ${rows.length} native\n`,
        )
      }
    } catch (error) {
      process.stdout.write(`${' '.repeat(11)}${styleText('yellow', 'did not start')}: ${problemLine(error)}\n`)
    }
  }
  if (available.length === 0) process.exitCode = 1
}
