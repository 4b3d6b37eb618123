import { expect, test } from 'vitest'
import { definePlugin, type Plugin, token } from '@mixlab/core'
import { composeRun, type LabModule, PLUGIN, PLUGINS, SEED, service, SINK } from '../src/index.ts'
import { z } from 'zod'

interface Gadget {
  readonly describe: () => string
}
declare module '@mixlab/core' {
  interface PluginKinds {
    gadget: { instance: Gadget; context: { readonly size: number } }
  }
}

interface Clock {
  readonly now: () => number
}
const CLOCK = token<Clock>('test-clock')
const clockModule: LabModule = ({ bind }) => {
  bind(CLOCK).toResolvedValue(() => ({ now: () => 1 }))
}

const gadget = (name: string, summary: string): Plugin =>
  definePlugin('gadget', {
    name,
    summary,
    create: (_config, { size }) => ({ describe: () => `${summary} of ${size}` }),
  })

const nothing = { services: [], defaults: [], plugins: [], modules: [] }
const context = { size: 3 } as never

test('each run has a container of its own: a singleton of one is not seen by the next', async () => {
  await using first = await composeRun({ ...nothing, services: [service(SEED, 1)], modules: [clockModule] })
  await using second = await composeRun({ ...nothing, services: [service(SEED, 2)], modules: [clockModule] })
  expect(first.resolve(CLOCK)).toBe(first.resolve(CLOCK))
  expect(first.resolve(CLOCK)).not.toBe(second.resolve(CLOCK))
  expect([first.resolve(SEED), second.resolve(SEED)]).toEqual([1, 2])
})

test('a module can rebind anything, and what was made from it changes too', async () => {
  const fake: LabModule = ({ rebind, isBound }) => {
    expect(isBound(CLOCK)).toBe(true)
    rebind(CLOCK).toConstantValue({ now: () => 42 })
    rebind(SEED).toConstantValue(7)
  }
  await using container = await composeRun({ ...nothing, services: [service(SEED, 1)], modules: [clockModule, fake] })
  expect(container.resolve(CLOCK).now()).toBe(42)
  expect(container.resolve(SEED)).toBe(7)
})

test('what the container made is closed with it', async () => {
  const closed: string[] = []
  const module: LabModule = ({ bind }) => {
    bind(CLOCK)
      .toResolvedValue(() => ({ now: () => 1 }))
      .inSingletonScope()
      .onDeactivation(() => void closed.push('clock'))
  }
  {
    await using container = await composeRun({ ...nothing, modules: [module] })
    container.resolve(CLOCK)
    expect(closed).toEqual([])
  }
  expect(closed).toEqual(['clock'])
})

test('plugins are found by kind and name; unknown ones name near misses', async () => {
  await using container = await composeRun({
    ...nothing,
    defaults: [gadget('round', 'round'), gadget('square', 'square')],
  })
  expect(container.plugins).toBe(container.resolve(PLUGINS))
  expect(container.plugins.create('gadget', 'square', context).describe()).toBe('square of 3')
  expect(container.plugins.list('gadget').map((plugin) => plugin.name)).toEqual(['round', 'square'])
  expect(() => container.plugins.find('gadget', 'sqare')).toThrow('unknown gadget "sqare". Did you mean square?')
  expect(() => container.plugins.find('gadgets' as 'gadget', 'x')).toThrow(
    /no plugins of that kind. Did you mean the kind gadget/,
  )
})

test("the script's own plugin takes the place of a default, with a warning; two of its own with one name are an error", async () => {
  const warnings: string[] = []
  const own = gadget('round', 'mine')
  const composition = {
    ...nothing,
    defaults: [gadget('round', 'theirs')],
    warn: (message: string) => void warnings.push(message),
  }
  await using container = await composeRun({ ...composition, plugins: [own, own] })
  expect(container.plugins.create('gadget', 'round', context).describe()).toBe('mine of 3')
  expect(warnings).toEqual(["gadget round: the script's own takes the place of mixlab's"])
  await expect(composeRun({ ...composition, plugins: [own, gadget('round', 'other')] })).rejects.toThrow(
    /two plugins are called gadget\/round/,
  )
})

test('a module can bind plugins and sinks', async () => {
  const module: LabModule = ({ bind }) => {
    bind(PLUGIN).toConstantValue(gadget('extra', 'extra'))
    bind(SINK).toConstantValue({ name: 'mine', write: () => undefined })
  }
  await using container = await composeRun({ ...nothing, modules: [module] })
  expect(container.plugins.find('gadget', 'extra').summary).toBe('extra')
  expect(container.sinks.map((sink) => sink.name)).toEqual(['mine'])
})

test('what a plugin needs comes from the container, its fields from its schema', async () => {
  const timed = definePlugin('gadget', {
    name: 'timed',
    summary: 'Needs a clock',
    config: z.object({ scale: z.number().min(1).default(2) }),
    needs: { clock: CLOCK },
    create: ({ scale }, { clock, size }) => ({ describe: () => String(clock.now() * scale * size) }),
  })
  await using container = await composeRun({ ...nothing, plugins: [timed], modules: [clockModule] })
  expect(container.plugins.create('gadget', { name: 'timed', scale: 5 }, context).describe()).toBe('15')
  expect(() => container.plugins.create('gadget', { name: 'timed', scale: 0 }, context)).toThrow(
    'gadget timed: scale is 0, expected number ≥ 1',
  )
  expect(() => container.plugins.create('gadget', { name: 'timed', scael: 1 }, context)).toThrow(
    /unknown field scael. Did you mean scale/,
  )
  await using bare = await composeRun({ ...nothing, plugins: [timed] })
  expect(() => bare.plugins.create('gadget', 'timed', context)).toThrow(/nothing is bound to test-clock/)
})
