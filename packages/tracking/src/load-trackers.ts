// Finds trackers by name in modules: the process that delivers is another one than the run's, and imports them itself.
import { isPlugin, MixlabError, type Plugin, pluginConfiguration, RandomStream, suggest } from '@mixlab/core'
import type { Tracker, TrackerPlugin } from './tracker.ts'

/** A tracker as a run or a person asks for it. */
export interface TrackerRequest {
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
}

/** Plugins that a module exports: one by one, in lists, or as an experiment's own. */
function pluginsIn(value: unknown): Plugin[] {
  if (isPlugin(value)) return [value]
  if (Array.isArray(value)) return value.flatMap(pluginsIn)
  const holds = typeof value === 'object' && value !== null && 'plugins' in value
  return holds && Array.isArray(value.plugins) ? value.plugins.flatMap(pluginsIn) : []
}

const isTracker = (plugin: Plugin): plugin is TrackerPlugin => plugin.kind === 'tracker'

/** The trackers that the modules export; a later module's takes the place of an earlier one's of the same name. */
export async function importTrackers(modules: readonly string[]): Promise<Map<string, TrackerPlugin>> {
  const found = new Map<string, TrackerPlugin>()
  for (const url of modules) {
    const exported: unknown = await import(url)
    for (const plugin of pluginsIn(Object.values(exported as object)).filter(isTracker)) found.set(plugin.name, plugin)
  }
  return found
}

/** @throws MixlabError on an unknown name (with near misses) or a configuration that does not fit. */
export async function makeTracker(
  known: ReadonlyMap<string, TrackerPlugin>,
  { name, config }: TrackerRequest,
): Promise<Tracker> {
  const plugin = known.get(name)
  if (!plugin)
    throw new MixlabError(`unknown tracker "${name}".${suggest(name, known.keys())}`, { code: 'unknown-plugin' })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what every factory of the kind is given
  return plugin.create(pluginConfiguration(plugin, config), {
    rng: new RandomStream(0).stream(`trackers/${name}`),
  } as never)
}
