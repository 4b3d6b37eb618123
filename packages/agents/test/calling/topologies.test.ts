// A topology over the real caller: the layer's deadline, a quorum, a question that fails, and a recording that a smaller
// topology shares.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RandomStream } from '@mixlab/core'
import { expect, test } from 'vitest'
import {
  aggregate,
  answerQuestion,
  type Caller,
  propose,
  Recording,
  sample,
  topology,
  type Topology,
  vote,
} from '../../src/index.ts'
import { agentOf, callerOf, chatModel, reply } from './models.ts'

const quick = (name: string) =>
  agentOf(name, chatModel({ generate: async () => reply(`${name} says yes`) }, { model: name }))
/** Never replies, and does not listen to its signal. */
const deaf = (name: string) =>
  agentOf(name, chatModel({ generate: () => new Promise(() => undefined) }, { model: name }))

const ask = (made: Topology, caller: Caller, more: { readonly deadlineMs?: number } = {}) =>
  answerQuestion({
    topology: made,
    question: { id: 'q', text: 'Yes?' },
    index: 0,
    call: caller.call,
    identity: (agent) => caller.identity(agent),
    agents: {},
    rng: new RandomStream(1),
    signal: new AbortController().signal,
    ...more,
  })

test('at a layer’s deadline what is not there is missing, and the quorum goes on', async () => {
  await using caller = callerOf([quick('a'), quick('b'), deaf('c')])
  const made = {
    ...topology('t', propose(['a', 'b', 'c']), aggregate('a')),
    layers: { 1: { quorum: 2, deadlineMs: 50 } },
  }
  const started = performance.now()
  const result = await ask(made, caller)
  expect(performance.now() - started).toBeLessThan(5000)
  expect(result.answer).toBe('a says yes')
  expect(result.steps[2]).toMatchObject({ answers: [], missing: [{ agent: 'c', kind: 'deadline' }] })
  expect(result.calls.at(-1)!.messages[0]!.content).toMatch(/1\. a says yes\n\n2\. b says yes$/)
})

test('below the quorum at the deadline, the question fails; so it does at its own', async () => {
  await using caller = callerOf([quick('a'), deaf('b'), deaf('c')])
  const plain = topology('t', propose(['a', 'b', 'c']), aggregate('a'))
  const layered = await ask({ ...plain, layers: { 1: { quorum: 2, deadlineMs: 50 } } }, caller)
  expect(layered.answer).toBeNull()
  expect(layered.failure).toMatch(/^layer 1 gave 1 of at least 2 answers; 2 missing, the first: b, deadline/)
  const whole = await ask({ ...plain, layers: { 1: { quorum: 3 } } }, caller, { deadlineMs: 50 })
  expect(whole.failure).toMatch(/2 missing, the first: b, deadline/)
})

test('a recording of six samples serves three, and its replay gives the same bytes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mixlab-topologies-'))
  try {
    let sent = 0
    const numbered = agentOf('a', chatModel({ generate: async () => reply(`Answer ${++sent}.`) }))
    const six = topology('t', sample('a', 6), vote())
    const three = topology('t', sample('a', 3), vote())
    const run = async (made: Topology, mode: 'record' | 'replay', scope: string) => {
      using recording = new Recording(folder, { access: mode === 'replay' ? 'read' : 'write', secrets: new Set() })
      await using caller = callerOf([numbered], { mode, recording, scope })
      return await ask(made, caller)
    }
    const first = await run(six, 'record', 'six')
    expect(new Set(first.calls.map(({ text }) => text)).size).toBe(6)
    const second = await run(three, 'record', 'three')
    expect(sent).toBe(6)
    expect(second.calls.map(({ text }) => text)).toEqual(first.calls.slice(0, 3).map(({ text }) => text))
    expect(JSON.stringify(await run(six, 'replay', 'six'))).toBe(JSON.stringify(first))
    expect(JSON.stringify(await run(three, 'replay', 'three'))).toBe(JSON.stringify(second))
    expect(sent).toBe(6)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
