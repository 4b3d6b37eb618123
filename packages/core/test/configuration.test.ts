import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { describeFields, MixlabError, nearMisses, parseConfiguration, withAssignments } from '../src/index.ts'

const schema = z.strictObject({
  steps: z.number().int().min(1).default(100).describe('Optimizer steps.'),
  optimizer: z
    .strictObject({ name: z.enum(['adamw', 'sgd']).default('adamw'), beta: z.number().min(0).lt(1).default(0.9) })
    .prefault({}),
  data: z.union([z.string(), z.array(z.string())]),
})
const message = (value: unknown) => {
  try {
    parseConfiguration(schema, value, 'training')
  } catch (error) {
    expect(MixlabError.is(error)).toBe(true)
    return (error as Error).message
  }
  throw new Error('no error')
}

describe('parseConfiguration', () => {
  test('fills in defaults', () => {
    expect(parseConfiguration(schema, { data: 'x' }, 's')).toEqual({
      steps: 100,
      optimizer: { name: 'adamw', beta: 0.9 },
      data: 'x',
    })
  })
  test.each([
    [{ data: 'x', steps: 0 }, 'training: steps is 0, expected integer ≥ 1'],
    [{ data: 'x', steps: 'ten' }, 'training: steps is "ten", expected integer ≥ 1'],
    [{ data: 'x', stpes: 5 }, 'training: unknown field stpes. Did you mean steps?'],
    [{ data: 'x', optimizer: { beta: 1 } }, 'training: optimizer.beta is 1, expected number ≥ 0 and < 1'],
    [{ data: 'x', optimizer: { betta: 1 } }, 'training: unknown field optimizer.betta. Did you mean beta?'],
    [{ data: 'x', optimizer: { name: 'adam' } }, 'training: optimizer.name is "adam", expected "adamw" | "sgd"'],
    [{}, 'training: data is missing (expected string | list of string)'],
    [{ data: 4 }, 'training: data is 4, expected string | list of string'],
  ])('%j', (value, expected) => expect(message(value)).toBe(expected))
})

test('withAssignments sets nested fields and turns a plugin name into an object', () => {
  expect(
    withAssignments({ a: { b: 1 }, router: 'top-k' }, ['a.c=true', 'router.k=2', 'data=a.txt', 'list=[1,2]']),
  ).toEqual({
    a: { b: 1, c: true },
    router: { name: 'top-k', k: 2 },
    data: 'a.txt',
    list: [1, 2],
  })
  expect(() => withAssignments({}, ['steps'])).toThrow('expected field=value')
  expect(() => withAssignments({ a: 3 }, ['a.b=1'])).toThrow('a is 3 and has no fields')
})

test('describeFields lists nested fields with type, range, default and description', () => {
  expect(describeFields(schema)[0]).toEqual({
    path: 'steps',
    type: 'integer ≥ 1',
    default: 100,
    description: 'Optimizer steps.',
  })
  expect(describeFields(schema).map((field) => field.path)).toEqual([
    'steps',
    'optimizer.name',
    'optimizer.beta',
    'data',
  ])
})

test('an object or null: its fields are listed and misspelt ones get suggestions', () => {
  const nullable = z.strictObject({
    mixture: z
      .strictObject({ router: z.string().nullable().default(null) })
      .nullable()
      .default(null),
  })
  expect(describeFields(nullable)).toEqual([
    { path: 'mixture', type: 'object | null', default: null },
    { path: 'mixture.router', type: 'string | null', default: null },
  ])
  expect(() => parseConfiguration(nullable, { mixture: { routr: 'x' } }, 'model')).toThrow(
    'unknown field mixture.routr. Did you mean router?',
  )
})

test('nearMisses finds transpositions, missing hyphens and parts of names', () => {
  const known = ['top-k', 'noisy-top-k', 'switch', 'expert-choice', 'sigmoid-bias']
  expect(nearMisses('swtich', known)).toEqual(['switch'])
  expect(nearMisses('topk', known)[0]).toBe('top-k')
  expect(nearMisses('sigmoid', known)).toEqual(['sigmoid-bias'])
  expect(nearMisses('entirely-different', known)).toEqual([])
})
