// What a command line or a script says of a sweep becomes data, and what is wrong is said before the first trial.
import { pluginReference } from '@mixlab/core'
import { defineExperiment } from '@mixlab/lab'
import { choice, float, integer } from '@mixlab/studies'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { compileSweep, defineSweep, pluginsFor, type SweepFlags } from '../src/index.ts'

const experiment = defineExperiment({
  name: 'searched',
  config: z.strictObject({
    router: pluginReference.default('top-k'),
    width: z.int().min(8).max(256).default(64),
    training: z
      .strictObject({ learningRate: z.number().positive().max(1).default(1e-3), tied: z.boolean().default(true) })
      .prefault({}),
    stages: z.array(z.string()).default([]),
  }),
  async run() {
    return {}
  },
})

let plugins: Awaited<ReturnType<typeof pluginsFor>>
beforeAll(async () => {
  plugins = await pluginsFor(experiment)
})

const compile = (flags: SweepFlags) => compileSweep({ script: '/experiment.ts', experiment, plugins, flags })

describe('dimensions', () => {
  test('a field says whether a range is of whole numbers', () => {
    const { space } = compile({
      over: ['width=16..128', 'training.learningRate=1e-4..1e-1:log', 'training.tied=true,false'],
    })
    expect(space).toEqual({
      width: integer(16, 128),
      'training.learningRate': float(1e-4, 1e-1, { log: true }),
      'training.tied': choice([true, false]),
    })
  })

  test("a plugin's field exists under the plugins that have it, and is of their type; parents come first", () => {
    const { space } = compile({ over: ['router.k=1..4', 'router=top-k,switch,noisy-top-k'] })
    expect(Object.keys(space ?? {})).toEqual(['router', 'router.k'])
    expect(space?.['router.k']).toEqual({
      ...integer(1, 4),
      when: { parameter: 'router', values: ['top-k', 'noisy-top-k'] },
    })
    expect(compile({ over: ['router=top-k,noisy-top-k', 'router.k=1..4'] }).space?.['router.k']).toEqual(integer(1, 4))
  })

  test("the field of a plugin that is not searched is the configuration's", () => {
    expect(compile({ over: ['router.k=1..4'] }).space?.['router.k']).toBeDefined()
    expect(() => compile({ over: ['router.kk=1..4'] })).toThrow(/router\.kk.*Did you mean k/s)
  })

  test.each([
    [['widht=16..128'], /--over widht.*unknown field widht\. Did you mean width\?/],
    [['width=1..128'], /--over width: 1 does not fit: .*width is 1, expected integer ≥ 8 and ≤ 256/],
    [['width=16..1024'], /--over width: 1024 does not fit: .*≤ 256/],
    [['training.learningRate=0..0.1'], /--over training\.learningRate: 0 does not fit/],
    [['router=top-k,swich'], /--over router: swich does not fit: .*unknown router "swich"\. Did you mean switch/],
    [['router=top-k,switch', 'router.kk=1..2'], /--over router\.kk: none of .* has a field kk\. Did you mean k\?/],
    [['router=top-k', 'router.k=0..2'], /--over router\.k: 0 does not fit/],
    [['width='], /--over width=: there is no value/],
    [['width'], /--over width: expected FIELD=VALUES/],
    [['width=8..16', 'width=16..32'], /width is a dimension twice/],
    [[], /nothing to search: name a dimension/],
  ])('%j is refused with one line', (over, message) => {
    expect(() => compile({ over })).toThrow(message)
  })

  test('a script and a command line: the line wins, the rest is kept', () => {
    const sweep = defineSweep({
      experiment,
      space: { width: integer(8, 16), router: choice(['top-k', 'switch']), 'router.k': integer(1, 2) },
      objective: ['validationLoss', 'accuracy:max'],
      trials: 7,
    })
    const source = { script: '/experiment.ts', experiment, plugins, sweep }
    expect(compileSweep({ ...source, flags: { over: ['width=32..64'], trials: 9 } })).toMatchObject({
      space: {
        width: integer(32, 64),
        'router.k': { ...integer(1, 2), when: { parameter: 'router', values: ['top-k'] } },
      },
      objectives: [
        { metric: 'validationLoss', direction: 'minimize' },
        { metric: 'accuracy', direction: 'maximize' },
      ],
      sampler: 'nsga-ii',
      trials: 9,
    })
    // @ts-expect-error -- the experiment has no such field
    defineSweep({ experiment, space: { widht: integer(8, 16) }, objective: 'validationLoss' })
  })
})

describe('the rest', () => {
  const over = ['width=8..64']
  test.each<[SweepFlags, RegExp]>([
    [{ over, sampler: 'tpee' }, /unknown sampler "tpee"\. Did you mean tpe\?/],
    [{ over, sampler: { name: 'tpe', startupTrial: 3 } }, /sampler tpe: unknown field startupTrial\. Did you mean/],
    [{ over, stopper: 'asha', objective: ['a', 'b'] }, /a stopper judges one objective/],
    [{ over, objective: ['loss:low'] }, /--objective loss:low: expected metric, metric:min or metric:max/],
    [{ over, budget: 'parameters=3:width' }, /--budget parameters=3:width: expected quantity=value:field/],
    [{ over, budget: 'activeParameters=1e6:width' }, /width is both a dimension and the budget's free field/],
    [{ over, enqueue: ['width=800'] }, /enqueue: width is 800, expected an integer from 8 to 64/],
    [{ over, enqueue: ['widht=8'] }, /--enqueue widht=8: widht is not a dimension\. Did you mean width\?/],
    [{ over, population: 'size=4,interval=10,generations=2' }, /has no training\.start and training\.stopAt/],
    [{ over, set: ['widht=8'] }, /unknown field widht/],
  ])('%j is refused with one line', (flags, message) => {
    expect(() => compile(flags)).toThrow(message)
  })

  test('a grid has as many trials as points', () => {
    expect(compile({ over: ['width=8..16', 'training.tied=true,false'], sampler: 'grid' }).trials).toBe(18)
  })
})
