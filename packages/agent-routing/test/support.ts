// Routers over questions whose features are known numbers: a question's text is its row.
import { type PluginTable, pluginConfiguration, RandomStream, splitReference } from '@mixlab/core'
import type { Question } from '@mixlab/agents'
import { cpuEngine } from '@mixlab/engine-cpu'
import { routers } from '@mixlab/routers'
import { registerEngine, useEngine } from '@mixlab/tensor'
import {
  createMessageRouter,
  type Features,
  type MessageRouter,
  type MessageRouterOptions,
  type Outcomes,
} from '../src/index.ts'

export async function startEngine(): Promise<void> {
  registerEngine({ name: 'cpu', summary: 'of the tests', load: async () => cpuEngine })
  await useEngine('cpu')
}

/** The router plugins, as a run offers them. */
export const plugins = {
  find: (_: string, name: string) => routers.find((router) => router.name === name)!,
  list: () => routers,
  create(_: string, reference: never, context: never) {
    const { name, config } = splitReference(reference)
    const plugin = routers.find((router) => router.name === name)!
    return plugin.create(pluginConfiguration(plugin, config), context)
  },
} as unknown as PluginTable

export const questionOf = (row: readonly number[], index = 0): Question => ({
  id: `q${index}`,
  text: JSON.stringify(row),
})

export const rowFeatures = (width: number): Features => ({
  width,
  of: (texts) => Float32Array.from(texts.flatMap((text) => JSON.parse(text) as number[])),
})

export function outcomesOf(
  rows: readonly (readonly number[])[],
  quality: Outcomes['quality'],
  members: readonly string[],
): Outcomes {
  return { members, questions: rows.map(questionOf), quality }
}

export const routerOf = (
  router: MessageRouterOptions['router'],
  width: number,
  members: readonly string[] = ['weak', 'strong'],
  seed = 1,
): MessageRouter =>
  createMessageRouter({ router, plugins, members, features: rowFeatures(width), rng: new RandomStream(seed, 'router') })

/** Rows of normal numbers, rounded so that they survive as text. */
export function normalRows(count: number, width: number, seed: number): number[][] {
  const rng = new RandomStream(seed, 'rows')
  return Array.from({ length: count }, () => Array.from({ length: width }, () => Number(rng.normal().toFixed(3))))
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
