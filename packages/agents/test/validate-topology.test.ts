// Topologies that do not hold together, one clear line each.
import { MixlabError } from '@mixlab/core'
import { expect, test } from 'vitest'
import { aggregate, propose, type Step, topology, type Topology, validateTopology, vote } from '../src/index.ts'

const good = topology('t', propose(['a', 'b']), aggregate('a'))
const step = (id: string, layer: number, from: readonly string[]): Step => ({ ...good.steps[0]!, id, layer, from })
const of = (output: string, ...steps: Step[]): Topology => ({ name: 't', steps, output })

const bad: readonly (readonly [string, () => void, RegExp])[] = [
  ['no steps', () => validateTopology(of('x')), /topology t has no steps/],
  [
    'a cycle',
    () => validateTopology(of('z', step('x', 1, ['y']), step('y', 1, ['x']), step('z', 2, []))),
    /a cycle: x sees y sees x/,
  ],
  ['a step that sees itself', () => validateTopology(of('x', step('x', 1, ['x']))), /a cycle: x sees x/],
  [
    'dangling',
    () => validateTopology(of('y', step('alpha', 1, []), step('y', 2, ['alhpa']))),
    /y sees alhpa, and there is no such step. Did you mean alpha\?/,
  ],
  ['duplicate id', () => validateTopology(of('x', step('x', 1, []), step('x', 2, []))), /two steps have the id x/],
  [
    'no output',
    () => validateTopology(of('agregator', step('aggregator', 1, []))),
    /its output is agregator.*Did you mean aggregator/,
  ],
  [
    'unreachable output',
    () => validateTopology(of('y', step('x', 1, []), step('y', 2, []))),
    /output y cannot be reached from step x/,
  ],
  [
    'a layer out of order',
    () => validateTopology(of('y', step('x', 2, []), step('y', 2, ['x']))),
    /step y of layer 2 sees x of layer 2/,
  ],
  [
    'an unknown agent',
    () => validateTopology(good, ['alice', 'bernard']),
    /calls a, and there is no such agent. Known: alice, bernard\./,
  ],
  [
    'a policy of no layer',
    () => validateTopology({ ...good, layers: { 7: {} } }),
    /a policy for layer 7, and there is no such layer; it has 2/,
  ],
  ['a quorum of zero', () => validateTopology({ ...good, layers: { 1: { quorum: 0 } } }), /layer 1 has a quorum of 0/],
  [
    'several ends',
    () => topology('t', propose(['a', 'b'])),
    /ends in layer-1\/proposer-1, layer-1\/proposer-2; expected one step/,
  ],
  ['no parts', () => topology('t'), /ends in nothing/],
]

test.each(bad)('%s', (_, make, message) => {
  const thrown = (() => {
    try {
      make()
      return undefined
    } catch (error) {
      return error
    }
  })()
  expect(MixlabError.is(thrown)).toBe(true)
  expect((thrown as Error).message).toMatch(message)
  expect((thrown as Error).message).not.toContain('\n')
})

test('what is right passes', () => {
  validateTopology(good, ['a', 'b'])
  validateTopology(topology('t', propose(['a']), vote()))
})
