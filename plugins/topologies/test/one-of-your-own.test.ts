// The README's own topology runs as it stands there; and `beside`, which puts parts into one layer.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { aggregate, beside, planTopology, propose, route, topology, vote, withPolicy } from '@mixlab/agents'
import { type Plugin, RandomStream } from '@mixlab/core'
import { expect, test } from 'vitest'
import { ask, router, sights } from './ask.ts'

test('the README’s topology', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const file = new URL('./readme-example.tmp.ts', import.meta.url)
  await writeFile(file, /```ts\n(.*?)```/s.exec(readme)![1]!)
  try {
    const { reviewedTopology } = (await import(file.href)) as { reviewedTopology: Plugin<'topology'> }
    const made = reviewedTopology.create({}, { agents: ['a', 'b'], rng: new RandomStream(1) } as never)
    expect(planTopology(made, { agents: {}, questionTokens: 10 }).calls).toEqual({ min: 9, max: 9 })
    const { calls, result } = await ask(made, ({ id }) => `<${id.slice(2)}>`)
    expect(calls.length).toBe(9)
    expect(sights(calls)['layer-3/aggregator']).toBe(
      `s(${[1, 2, 3, 4].map((n) => `layer-1/proposer-${n} layer-2/critic${n === 1 ? '' : `/${n}`}`).join(' ')}) u(Q)`,
    )
    expect(result.answer).toBe('<layer-3/aggregator>')
  } finally {
    await rm(file)
  }
})

test('parts beside one another are one layer, with one policy and samples counted over both', async () => {
  const made = withPolicy(
    topology('t', beside(propose(['a', 'b']), route(['a', 'c'], { router: 'router' })), aggregate('b')),
    { quorum: 3 },
  )
  expect(made.layers).toEqual({ 1: { quorum: 3 }, 2: { quorum: 1 } })
  const { calls } = await ask(made, ({ id }) => `<${id.slice(2)}>`, { router: () => router(1, [0]) })
  expect(calls.map(({ agent, sample }) => [agent, sample])).toEqual([
    ['a', 0],
    ['b', 0],
    ['a', 1],
    ['b', 0],
  ])
  expect(sights(calls)['layer-2/aggregator']).toBe('s(layer-1/proposer-1 layer-1/proposer-2 layer-1/route) u(Q)')
  expect((await ask(topology('u', propose(['a', 'b', 'b']), vote()), ({ agent }) => agent)).result.answer).toBe('b')
})
