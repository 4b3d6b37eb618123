// A router that is saved and loaded routes as it did; a file that is none is refused in a line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RandomStream } from '@mixlab/core'
import { readSafetensors, writeSafetensors } from '@mixlab/checkpoints'
import { tf } from '@mixlab/tensor'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import {
  createMessageRouter,
  fitFeatures,
  fitThreshold,
  judgePair,
  loadRouter,
  type Outcomes,
  pickOutcomes,
  saveRouter,
  textOf,
  trainRouter,
} from '../src/index.ts'
import { plugins, routerOf, startEngine } from './support.ts'

beforeAll(startEngine)

const members = ['counter', 'reader']
const outcomes = (from: number, to: number): Outcomes => ({
  members,
  questions: Array.from({ length: to - from }, (_, n) => ({
    id: `q${from + n}`,
    text:
      n % 2
        ? `How much is ${from + n} + ${7 * n + 1}?`
        : `Spell the word number ${'one two three four'.split(' ')[n % 4]}.`,
  })),
  quality: Array.from({ length: to - from }, (_, n) => (n % 2 ? [1, 0] : [0, 1])),
})
const rng = new RandomStream(3, 'routing')

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'mixlab-routers-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

const learnt = outcomes(0, 60)
function trained(router: Parameters<typeof createMessageRouter>[0]['router']) {
  const features = fitFeatures(learnt.questions.map(textOf), { rng: rng.stream('features'), config: { dimensions: 8 } })
  const made = createMessageRouter({ router, plugins, members, features, rng: rng.stream('router') })
  trainRouter(made, learnt, { rng: rng.stream('training') })
  return made
}

test.each([
  'nearest-neighbours',
  { name: 'logistic', penalty: 0.02 },
  'matrix-factorization',
  'mlp',
  'lin-ucb',
  { name: 'top-k', k: 1 },
  'sigmoid-bias',
] as const)('%j routes as before', async (reference) => {
  const path = join(folder(), 'learnt/router.safetensors')
  const asked = outcomes(60, 90)
  using router = trained(reference)
  const expected = router.route(asked.questions)
  await saveRouter(path, router, { decision: { by: 'threshold', weak: 'counter', strong: 'reader', threshold: 0.25 } })
  const before = tf.memory().numTensors
  {
    const { router: loaded, decision } = loadRouter(path, { plugins, rng: rng.stream('other') })
    using _ = loaded
    expect(loaded.route(asked.questions)).toEqual(expected)
    expect(decision).toEqual({ by: 'threshold', weak: 'counter', strong: 'reader', threshold: 0.25 })
    // It may still not be judged by what it has learnt from.
    expect(() => judgePair(loaded, learnt, { weak: 'counter', strong: 'reader' })).toThrow(/learn/)
  }
  expect(tf.memory().numTensors).toBe(before)
  expect(new Set(expected.members.map(([first]) => first)).size).toBe(2)
})

test.each([0, 1])('a threshold for a share of %d is kept', async (share) => {
  const path = join(folder(), 'router.safetensors')
  using router = trained('logistic')
  const unseen = pickOutcomes(outcomes(60, 90), [1, 3, 5, 7])
  const fitted = fitThreshold(router, unseen, { weak: 'counter', strong: 'reader', share })
  await saveRouter(path, router, { decision: { by: 'threshold', ...fitted } })
  const { router: loaded, decision } = loadRouter(path, { plugins, rng })
  loaded[Symbol.dispose]()
  const { weak, strong, threshold } = fitted
  expect(Number.isFinite(threshold)).toBe(false)
  expect(decision).toEqual({ by: 'threshold', weak, strong, threshold })
})

test('lin-ucb goes on learning', async () => {
  const path = join(folder(), 'router.safetensors')
  using router = trained('lin-ucb')
  await saveRouter(path, router)
  using loaded = loadRouter(path, { plugins, rng }).router
  const more = outcomes(60, 80)
  for (const one of [router, loaded]) trainRouter(one, more, { rng: rng.stream('more') })
  expect(loaded.route(more.questions)).toEqual(router.route(more.questions))
})

test('what cannot be saved or loaded is said in a line', async () => {
  const path = join(folder(), 'router.safetensors')
  using own = routerOf('logistic', 3)
  await expect(saveRouter(path, own)).rejects.toThrow('router logistic: its features cannot be saved')
  const load = () => loadRouter(path, { plugins, rng })
  expect(load).toThrow(/does not exist/)
  writeFileSync(path, writeSafetensors(new Map()))
  expect(load).toThrow(/is no router of agents: expected a file that saveRouter wrote/)
  using router = trained('logistic')
  await saveRouter(path, router)
  const { tensors, metadata } = readSafetensors(path)
  const rewrite = (names: (name: string) => boolean, about: Record<string, string>) =>
    writeFileSync(
      path,
      writeSafetensors(
        new Map(
          [...tensors].flatMap(([name, { dtype, shape, values }]) =>
            names(name) ? [[name, { dtype, shape, data: values }] as const] : [],
          ),
        ),
        about,
      ),
    )
  rewrite(() => true, { 'mixlab.agent-router': metadata['mixlab.agent-router']!.replace('"version":1', '"version":2') })
  expect(load).toThrow(/was written by another version of mixlab/)
  rewrite((name) => name !== 'router.weight', metadata)
  expect(load).toThrow(/state does not fit the model: missing weight/)
  rewrite((name) => name !== 'features.idf', metadata)
  expect(load).toThrow(/lacks features.idf/)
})
