// `mixlab topology`: who answers, who sees what, and what it costs, before anything is asked.
import { styleText } from 'node:util'
import {
  type Bound,
  drawSvg,
  drawText,
  planTopology,
  type Price,
  type Topology,
  type TopologyPlan,
} from '@mixlab/agents'
import {
  MixlabError,
  type Plugin,
  type PluginTable,
  RandomStream,
  suggest,
  withAssignments,
  writeAtomically,
} from '@mixlab/core'
import { createPluginTable, defaultPlugins } from '@mixlab/lab'
import { loadScript } from './script.ts'
import { number, shown, table } from './text.ts'

export interface TopologyFlags {
  readonly set?: readonly string[]
  readonly agents?: readonly string[]
  readonly price?: readonly string[]
  readonly questionTokens: number
  readonly maxTokens?: number
  readonly svg?: string
  readonly script?: string
}

/** Where no agents are named. Six, as the first mixture of agents had. */
const PLACEHOLDERS = ['agent-1', 'agent-2', 'agent-3', 'agent-4', 'agent-5', 'agent-6']

async function pluginTable(script: string | undefined): Promise<PluginTable> {
  const own = script === undefined ? [] : (await loadScript(script)).experiment.plugins
  const resolve = (): never => {
    throw new Error('topologies need nothing of a run')
  }
  return createPluginTable({ defaults: await defaultPlugins({ tensors: false }), own, resolve })
}

export async function listTopologies(script: string | undefined): Promise<void> {
  const topologies: readonly Plugin[] = (await pluginTable(script)).list('topology')
  process.stdout.write(
    `${table(
      ['topology', 'what it does'],
      topologies.map(({ name, summary }) => [name, summary]),
    )}\n`,
  )
}

export async function showTopology(name: string, flags: TopologyFlags): Promise<void> {
  const plugins = await pluginTable(flags.script)
  const agents = flags.agents ?? PLACEHOLDERS
  if (agents.length === 0)
    throw new MixlabError('--agents: expected names with commas between them, e.g. --agents weak,strong')
  const prices = readPrices(flags.price ?? [], agents)
  const plugin: Plugin = plugins.find('topology', name)
  const fields = withAssignments({}, flags.set ?? [])
  const topology = plugins.create('topology', { ...fields, name }, { agents, rng: new RandomStream(1) })
  const plan = planTopology(topology, {
    agents: Object.fromEntries(
      agents.map((agent) => [agent, flags.maxTokens === undefined ? {} : { maxTokens: flags.maxTokens }]),
    ),
    questionTokens: flags.questionTokens,
    prices: (agent) => prices.get(agent),
  })
  const lines = [
    styleText('bold', name),
    plugin.summary,
    ...(plugin.source === undefined ? [] : [`Source: ${plugin.source}`]),
    '',
    drawText(topology, { width: process.stdout.columns ?? 100 }),
    '',
    planText(topology, plan, flags),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (flags.svg === undefined) return
  await writeAtomically(flags.svg, drawSvg(topology))
  process.stdout.write(`\ndrawing   ${shown(flags.svg)}\n`)
}

/** `agent=input/output`, or `input/output` for all: money for a million tokens. */
function readPrices(given: readonly string[], agents: readonly string[]): ReadonlyMap<string, Price> {
  const prices = new Map<string, Price>()
  for (const text of given) {
    const found = /^(?:(?<agent>[^=]+)=)?(?<input>\d+(?:\.\d+)?)\/(?<output>\d+(?:\.\d+)?)$/.exec(text)?.groups
    if (found === undefined)
      throw new MixlabError(
        `--price ${text}: expected agent=input/output for a million tokens, e.g. --price strong=2.5/10`,
      )
    const { agent } = found
    if (agent !== undefined && !agents.includes(agent))
      throw new MixlabError(`--price ${text}: there is no agent ${agent}.${suggest(agent, agents)}`)
    const price = { input: Number(found['input']), output: Number(found['output']), currency: 'USD' }
    for (const name of agent === undefined ? agents : [agent]) prices.set(name, price)
  }
  return prices
}

const range = ({ calls: { min, max } }: Bound): string =>
  min === max ? number(max) : `${number(min)} to ${number(max)}`

const money = ({ price, calls }: Bound): string => {
  if (calls.max === 0) return ''
  return price === undefined
    ? 'unknown'
    : `${price.amount < 0.01 ? price.amount.toPrecision(2) : price.amount.toFixed(2)} ${price.currency}`
}

function planText(topology: Topology, plan: TopologyPlan, flags: TopologyFlags): string {
  const row = (name: string, bound: Bound) => [
    name,
    range(bound),
    number(bound.inputTokens),
    number(bound.outputTokens),
    money(bound),
  ]
  const rows = [
    ...plan.layers.map((bound) => row(`layer ${bound.layer}`, bound)),
    ...plan.agents.map((bound) => row(`agent ${bound.agent}`, bound)),
    row('all', plan),
  ]
  const unknown = plan.unpriced.length === plan.agents.length ? 'any agent' : plan.unpriced.join(', ')
  const reply =
    flags.maxTokens === undefined
      ? '2,048 tokens where the topology sets no other limit'
      : `${number(flags.maxTokens)} tokens`
  return [
    table([`for one question`, 'calls', 'tokens in ≤', 'tokens out ≤', 'price ≤'], rows),
    `A question of ${number(flags.questionTokens)} tokens; a reply of at most ${reply}.`,
    ...(plan.calls.min === plan.calls.max
      ? []
      : [`${topology.name} may end early: fewer calls than the most are likely.`]),
    ...(plan.unpriced.length === 0
      ? []
      : [`No price is known of ${unknown}: e.g. --price ${plan.unpriced[0]}=2.5/10 (for a million tokens in, out).`]),
  ].join('\n')
}
