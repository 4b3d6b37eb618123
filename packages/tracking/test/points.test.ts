import { expect, test } from 'vitest'
import type { RunEvent } from '@mixlab/core'
import { parametersOf, pointsOf } from '../src/index.ts'

const header = { run: 'r', sequence: 0, time: 5 }
const step = { step: 3, loss: 2, losses: { crossEntropy: 1.5 }, learningRate: 0.1, gradientNorm: 0.7, tokens: 64 }

const named = (event: RunEvent) => Object.fromEntries(pointsOf(event).map(({ key, value }) => [key, value]))

test('events as points, the group before a slash', () => {
  expect(pointsOf({ type: 'train.step', ...header, ...step })).toContainEqual({
    key: 'train/loss',
    value: 2,
    step: 3,
    time: 5,
  })
  const timing = { tokensPerSecond: 9, secondsLeft: 1, bytes: 1 }
  expect(named({ type: 'train.step', ...header, ...step, timing })).toEqual({
    'train/loss': 2,
    'train/crossEntropy': 1.5,
    'train/gradientNorm': 0.7,
    'train/learningRate': 0.1,
    'train/tokensPerSecond': 9,
  })
  const routing = {
    step: 3,
    layer: 12,
    router: 'x',
    members: ['a'],
    load: [1],
    entropy: 1,
    maxViolation: 0,
    dropped: 0.5,
  }
  expect(named({ type: 'mixture.routing', ...header, ...routing })).toEqual({
    'routing/12/entropy': 1,
    'routing/12/maxViolation': 0,
    'routing/12/dropped': 0.5,
  })
  expect(
    named({ type: 'eval.result', ...header, step: 3, evaluator: 'perplexity', metrics: { 'loss/strided-0.5': 1 } }),
  ).toEqual({
    'perplexity/loss/strided-0.5': 1,
  })
  expect(
    named({ type: 'run.finished', ...header, status: 'finished', result: { loss: 1, of: { k: 2, name: 'x' } } }),
  ).toEqual({
    'result/loss': 1,
    'result/of/k': 2,
  })
})

test('a configuration as flat parameters', () => {
  expect(parametersOf({ a: { b: 1, c: [1, { d: 2 }], e: {} }, f: null, g: 'text', h: true })).toEqual([
    ['a.b', '1'],
    ['a.c', '[1,{"d":2}]'],
    ['a.e', '{}'],
    ['f', 'null'],
    ['g', 'text'],
    ['h', 'true'],
  ])
})
