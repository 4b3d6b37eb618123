// An executor as a lab makes it: the configuration checked, the context given.
import { type ContextOf, pluginConfiguration, RandomStream } from '@mixlab/core'
import type { Executor } from '@mixlab/studies'
import { executors } from '../src/index.ts'

export function createExecutor(
  name: string,
  config: Readonly<Record<string, unknown>>,
  directory: string,
  options: { readonly jobs?: number; readonly warnings?: string[] } = {},
): Executor {
  const plugin = executors.find((plugin) => plugin.name === name)!
  const context: ContextOf<'executor'> = {
    directory,
    ...(options.jobs !== undefined && { jobs: options.jobs }),
    warn: (message) => options.warnings?.push(message),
    rng: new RandomStream(0),
  }
  return plugin.create(pluginConfiguration(plugin, config), context as never)
}
