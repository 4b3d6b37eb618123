// A plugin table for tests: no container, no services.
import { type Plugin, pluginConfiguration, type PluginTable, splitReference } from '@mixlab/core'

export function tableOf(plugins: readonly Plugin[]): PluginTable {
  const list = (kind?: string) => plugins.filter((plugin) => kind === undefined || plugin.kind === kind)
  const find = (kind: string, name: string) => {
    const found = list(kind).find((plugin) => plugin.name === name)
    if (!found) throw new Error(`no ${kind} ${name}`)
    return found
  }
  const table = {
    list,
    find,
    create: (kind: string, reference: Parameters<typeof splitReference>[0], context: unknown) => {
      const { name, config } = splitReference(reference)
      const plugin = find(kind, name)
      return plugin.create(pluginConfiguration(plugin, config), context as never)
    },
  }
  return table as unknown as PluginTable
}
