// `mixlab plugins`: what there is and what it can be told.
import { styleText } from 'node:util'
import { describeFields, type Kind, MixlabError, nearMisses, type Plugin, type PluginTable } from '@mixlab/core'
import { createPluginTable, defaultPlugins } from '@mixlab/lab'
import { fieldLines } from './experiment-help.ts'
import { loadScript } from './script.ts'
import { table } from './text.ts'

const unresolved = (): never => {
  throw new Error('plugins are only described here')
}

async function pluginTable(script: string | undefined): Promise<PluginTable> {
  const own = script === undefined ? [] : (await loadScript(script)).experiment.plugins
  return createPluginTable({ defaults: await defaultPlugins({ tensors: true }), own, resolve: unresolved })
}

const kindsOf = (plugins: PluginTable): Kind[] => [...new Set(plugins.list().map((plugin) => plugin.kind))]

function checkedKind(plugins: PluginTable, wanted: string): Kind {
  const kinds = kindsOf(plugins)
  const found = kinds.find((kind) => kind === wanted || `${kind}s` === wanted)
  if (found !== undefined) return found
  const near = nearMisses(wanted, kinds)
  const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Kinds: ${kinds.join(', ')}.`
  throw new MixlabError(`there are no plugins of the kind "${wanted}". ${hint}`, { code: 'unknown-kind' })
}

export async function listPlugins(wanted: string | undefined, script: string | undefined): Promise<void> {
  const plugins = await pluginTable(script)
  const kinds = wanted === undefined ? kindsOf(plugins) : [checkedKind(plugins, wanted)]
  const rows = kinds.flatMap((kind) =>
    plugins.list(kind).map((plugin: Plugin) => [`${kind}/${plugin.name}`, plugin.summary]),
  )
  process.stdout.write(`${table(['plugin', 'what it does'], rows)}\n`)
}

export async function showPlugin(wanted: string, script: string | undefined): Promise<void> {
  const [kind = '', name] = wanted.split('/')
  if (name === undefined || name === '')
    throw new MixlabError(`"${wanted}": expected kind/name, e.g. router/switch (mixlab plugins list)`)
  const plugins = await pluginTable(script)
  const plugin: Plugin = plugins.find(checkedKind(plugins, kind), name)
  const traits = Object.entries(plugin.traits).map(([trait, value]) => `${trait}: ${value}`)
  const lines = [
    styleText('bold', `${kind}/${name}`),
    plugin.summary,
    ...(plugin.source === undefined ? [] : [`Source: ${plugin.source}`]),
    ...(traits.length > 0 ? [`Traits: ${traits.join(', ')}`] : []),
    'Fields, with type and [default]:',
    fieldLines(describeFields(plugin.config)),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
