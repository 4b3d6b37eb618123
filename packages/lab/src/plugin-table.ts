// All plugins of a run, by kind and name. A script's own plugin takes the place of a default of the same name; two of the
// script's own with one name are a mistake. What a plugin needs is resolved from the run's container when it is made.
import {
  type ContextOf,
  type InstanceOf,
  type Kind,
  MixlabError,
  nearMisses,
  type Plugin,
  pluginConfiguration,
  type PluginReference,
  type PluginTable,
  splitReference,
  suggest,
  type Token,
} from '@mixlab/core'

export interface PluginSources {
  readonly defaults: readonly Plugin[]
  readonly own: readonly Plugin[]
  /** How a plugin's `needs` are met. */
  readonly resolve: <T>(id: Token<T>) => T
  /** Called with one line when an own plugin replaces a default. */
  readonly warn?: (message: string) => void
}

const key = (kind: string, name: string): string => `${kind}/${name}`

function gather({ defaults, own, warn }: PluginSources): Map<string, Plugin> {
  const table = new Map(defaults.map((plugin) => [key(plugin.kind, plugin.name), plugin]))
  const mine = new Map<string, Plugin>()
  for (const plugin of own) {
    const id = key(plugin.kind, plugin.name)
    if (mine.get(id) === plugin) continue
    if (mine.has(id))
      throw new MixlabError(`two plugins are called ${id}: give one of them another name`, { code: 'duplicate-plugin' })
    const replaced = table.get(id)
    if (replaced && replaced !== plugin)
      warn?.(`${plugin.kind} ${plugin.name}: the script's own takes the place of mixlab's`)
    mine.set(id, plugin)
    table.set(id, plugin)
  }
  return table
}

/** @throws MixlabError when two of the own plugins have one kind and name. */
export function createPluginTable(sources: PluginSources): PluginTable {
  const table = gather(sources)

  const list = <K extends Kind>(kind?: K): readonly Plugin<K>[] =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- filtered by kind
    [...table.values()].filter((plugin) => kind === undefined || plugin.kind === kind) as unknown as Plugin<K>[]

  function find<K extends Kind>(kind: K, name: string): Plugin<K> {
    const found = list(kind).find((plugin) => plugin.name === name)
    if (found) return found
    const names = list(kind).map((plugin) => plugin.name)
    if (names.length > 0)
      throw new MixlabError(`unknown ${kind} "${name}".${suggest(name, names)}`, { code: 'unknown-plugin' })
    const kinds: string[] = [...new Set(list().map((plugin): string => plugin.kind))]
    const near = nearMisses(kind, kinds)
    const hint =
      near.length > 0 ? ` Did you mean the kind ${near.join(' or ')}?` : ` Kinds: ${kinds.join(', ') || 'none'}.`
    throw new MixlabError(`unknown ${kind} "${name}": there are no plugins of that kind.${hint}`, {
      code: 'unknown-plugin',
    })
  }

  function create<K extends Kind>(kind: K, reference: PluginReference, context: ContextOf<K>): InstanceOf<K> {
    const { name, config } = splitReference(reference)
    const plugin = find(kind, name)
    const needs = Object.entries(plugin.needs).map(([as, id]) => [as, sources.resolve(id)] as const)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the definition of the plugin checked these types
    return plugin.create(pluginConfiguration(plugin, config), { ...context, ...Object.fromEntries(needs) } as never)
  }

  return { find, list, create }
}
