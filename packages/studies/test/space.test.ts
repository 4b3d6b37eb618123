// Search spaces: what builders make and refuse, permutations as integers and back, conditions, and the command line's form.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cardinality,
  choice,
  configurationHash,
  contains,
  decode,
  type Dimension,
  drawUniform,
  float,
  integer,
  isActive,
  type ParameterValue,
  parseDimension,
  permutation,
  spaceDefinition,
  toSpace,
  when,
} from '../src/index.ts'
import { RandomStream } from '@mixlab/core'
import { codeOf, orderOf } from '../src/permutation.ts'

describe('builders', () => {
  // Optuna 5's FloatDistribution(low, high, step=step).high and IntDistribution(…).high.
  test.each([
    [float(0, 0.95, { step: 0.1 }), 0.9],
    [float(0, 1, { step: 0.1 }), 1],
    [float(0.1, 0.7, { step: 0.2 }), 0.7],
    [float(-1.5, 10.3, { step: 0.7 }), 9.7],
    [float(1e-3, 1.0005, { step: 1e-3 }), 1],
    [integer(1, 8, { step: 2 }), 7],
    [integer(16, 128, { step: 16 }), 128],
  ])('the last step of %j is %d', (distribution, high) => expect(distribution.high).toBe(high))

  test.each([
    [
      () => float(1, 0),
      'float(1, 0): the first end must be less than the second, and 1 is not less than 0; e.g. float(0.0001, 0.01, { log: true })',
    ],
    [() => float(1, 1), 'must be less'],
    [() => float(0, Infinity), 'both ends must be finite numbers'],
    [() => float(NaN, 1), 'both ends must be finite numbers'],
    [() => float(0, 1, { log: true }), 'a logarithmic range begins above 0, not at 0'],
    [() => float(1, 2, { log: true, step: 1 }), 'a logarithmic range has no step'],
    [() => float(0, 1, { step: 2 }), 'the step is 2, expected a number above 0 and at most 1'],
    [() => float(0, 1, { step: -1 }), 'the step is -1'],
    [() => integer(0.5, 2), 'both ends must be whole numbers'],
    [() => integer(0, 2, { log: true }), 'begins at 1 or above, not at 0'],
    [() => integer(0, 4, { step: 1.5 }), 'the step is 1.5, expected a whole number'],
    [() => choice([]), 'choice([]): there is nothing to choose from'],
    [() => choice(['a', 'b', 'a']), '"a" is there twice'],
    [() => choice([{} as never]), '{} is no text, number, true, false or null'],
    [() => permutation(['a']), '1 items have only one order'],
  ])('%s is refused', (build, message) => expect(build).toThrow(message))
})

describe('definitions', () => {
  const router = choice(['top-k', 'noisy-top-k'])
  test.each([
    [{}, 'the search space is empty: expected at least one dimension, e.g. router=top-k,switch'],
    [{ 'a b': router }, '"a b" is no name of a field: expected a dotted path, e.g. training.learningRate'],
    [{ 'a..b': router }, '"a..b" is no name of a field'],
    [{ noise: when('router', 'noisy-top-k', float(0, 1)) }, 'noise exists only under router, which is no dimension.'],
    [
      { route: router, noise: when('router', 'noisy-top-k', float(0, 1)) },
      'which is no dimension. Did you mean route?',
    ],
    [
      { noise: when('router', 'noisy-top-k', float(0, 1)), router },
      'noise exists only under router, which comes after it: put router before noise',
    ],
    [{ router: when('router', 'top-k', router) }, 'which comes with it'],
    [
      { router, noise: when('router', 'noisy', float(0, 1)) },
      'under router = "noisy", which router never is. Did you mean noisy-top-k?',
    ],
    [{ router, noise: when('router', [], float(0, 1)) }, 'but for none of its values: expected one at least'],
    [{ k: integer(1, 4), noise: when('k', 5, float(0, 1)) }, 'under k = 5, which k never is'],
    [{ order: permutation([1, 2]), noise: when('order', 1, float(0, 1)) }, 'cannot exist only under an order of order'],
  ])('%j is refused', (definition: Readonly<Record<string, Dimension>>, message) => {
    expect(() => toSpace(definition)).toThrow(message)
    expect(() => toSpace(definition)).toThrow(expect.objectContaining({ name: 'MixlabError' }))
  })

  test('a field that is given twice is refused', () => {
    expect(() => spaceDefinition([parseDimension('k=1,2'), parseDimension('k=3,4')])).toThrow(
      'k is a dimension twice: give all its values in one',
    )
  })

  test('random points decode into assignments: active fields only, orders of all items', () => {
    const definition = {
      router,
      'router.noise': when('router', 'noisy-top-k', float(0, 1)),
      order: when('router', 'top-k', permutation(['a', 'b', 'c', 'd'])),
      'training.learningRate': float(1e-4, 1e-2, { log: true }),
    }
    const space = toSpace(definition)
    expect(space.map(({ name }) => name)).toEqual([
      'router',
      'router.noise',
      'order[0]',
      'order[1]',
      'order[2]',
      'training.learningRate',
    ])
    const orders = new Set<string>()
    for (let seed = 0; seed < 500; seed++) {
      const parameters: Record<string, ParameterValue> = {}
      const rng = new RandomStream(seed)
      for (const one of space) if (isActive(one, parameters)) parameters[one.name] = drawUniform(one.distribution, rng)
      const assignments = decode(definition, parameters)
      const noisy = parameters['router'] === 'noisy-top-k'
      expect(Object.keys(assignments)).toEqual(['router', noisy ? 'router.noise' : 'order', 'training.learningRate'])
      if (noisy) continue
      expect((assignments['order'] as string[]).toSorted()).toEqual(['a', 'b', 'c', 'd'])
      orders.add((assignments['order'] as string[]).join(''))
    }
    expect(orders.size).toBe(24)
  })
})

test('codes and orders are one to one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 9 }).chain((n) =>
        fc.shuffledSubarray(
          Array.from({ length: n }, (_, i) => i),
          { minLength: n },
        ),
      ),
      (order) => {
        const code = codeOf(order)
        expect(code).toHaveLength(order.length - 1)
        code.forEach((index, i) => expect(index >= 0 && index < order.length - i).toBe(true))
        expect(
          orderOf(
            order.toSorted((a, b) => a - b),
            code,
          ),
        ).toEqual(order)
      },
    ),
  )
})

test('uniform draws are of their distribution and reach all of it', () => {
  const distributions = [
    float(-3, 2),
    float(1e-6, 10, { log: true }),
    float(0, 1, { step: 0.1 }),
    integer(-2, 3),
    integer(1, 6, { log: true }),
    integer(1, 9, { step: 3 }),
    choice([null, 'a', 1, true]),
  ]
  for (const distribution of distributions) {
    const rng = new RandomStream(3)
    const drawn = Array.from({ length: 3000 }, () => drawUniform(distribution, rng))
    expect(drawn.every((value) => contains(distribution, value))).toBe(true)
    const count = cardinality(distribution)
    expect(new Set(drawn).size).toBe(count === Infinity ? new Set(drawn).size : count)
    expect(new Set(drawn).size).toBeGreaterThan(count === Infinity ? 2900 : 1)
  }
  // Uniform in the logarithm: half of them below the geometric mean.
  const rng = new RandomStream(4)
  const drawn = Array.from({ length: 4000 }, () => drawUniform(float(1e-4, 1, { log: true }), rng) as number)
  expect(drawn.filter((value) => value < 1e-2).length / 4000).toBeCloseTo(0.5, 1)
})

describe('the command line’s form', () => {
  test.each([
    ['router=top-k,switch', undefined, 'router', choice(['top-k', 'switch'])],
    ['router=top-k', undefined, 'router', choice(['top-k'])],
    ['x=1, 2.5,true,null', undefined, 'x', choice([1, 2.5, true, null])],
    ['tag=1,2', 'string', 'tag', choice(['1', '2'])],
    ['model=a/b@v2,c', undefined, 'model', choice(['a/b@v2', 'c'])],
    ['training.learningRate=1e-4..1e-2:log', 'number', 'training.learningRate', float(1e-4, 1e-2, { log: true })],
    ['x=0..1', 'number', 'x', float(0, 1)],
    ['x=-1.5..-.5', undefined, 'x', float(-1.5, -0.5)],
    ['x=0..1:step=0.1', undefined, 'x', float(0, 1, { step: 0.1 })],
    ['k=1..4', 'integer', 'k', integer(1, 4)],
    ['k=1..4', 'number', 'k', float(1, 4)],
    ['k=1..64:log', 'integer', 'k', integer(1, 64, { log: true })],
    ['width=16..128:step=16', 'integer', 'width', integer(16, 128, { step: 16 })],
    ['order=permute(a,b,c)', 'array', 'order', permutation(['a', 'b', 'c'])],
    ['router.noise=0..1@router=noisy-top-k', 'number', 'router.noise', when('router', 'noisy-top-k', float(0, 1))],
    ['x=1,2@k=2,3', undefined, 'x', when('k', [2, 3], choice([1, 2]))],
  ] as const)('%s (%s)', (text, fieldType, name, dimension) => {
    expect(parseDimension(text, fieldType && { fieldType })).toEqual({ name, dimension })
  })

  test.each([
    [
      'router',
      undefined,
      '--over router: expected FIELD=VALUES; e.g. router=top-k,switch, training.learningRate=1e-4..1e-2:log or router.k=1..4',
    ],
    ['=1,2', undefined, 'expected FIELD=VALUES'],
    ['router=', undefined, '--over router=: there is no value; e.g.'],
    ['router=a,,b', undefined, 'a value between commas is empty; e.g. router=top-k,switch'],
    ['router=a,b,a', undefined, '--over router=a,b,a: "a" is there twice; e.g. router=top-k,switch'],
    [
      'x=1..0',
      'number',
      '--over x=1..0: the first end must be less than the second, and 1 is not less than 0; e.g. training.learningRate=1e-4..1e-2:log',
    ],
    ['x=0..1:log', 'number', 'a logarithmic range begins above 0, not at 0'],
    [
      'x=0..1:lag',
      'number',
      '":lag" is no option of a range: expected :log or :step=STEP; e.g. dropout=0..0.5:step=0.1',
    ],
    ['x=0..1:step=a', 'number', '":step=a" is no option of a range'],
    ['x=0..1:step=2', 'number', 'the step is 2, expected a number above 0 and at most 1'],
    ['x=a..b', undefined, '"a..b" is no range: expected LOW..HIGH, then :log or :step=STEP'],
    ['x=1e-4:log', undefined, '"1e-4:log" is no range'],
    ['k=0.5..4', 'integer', 'both ends must be whole numbers; e.g. router.k=1..4'],
    ['k=0..4:log', 'integer', 'begins at 1 or above'],
    ['shuffle=0..1', 'boolean', 'the field is of type boolean and has no range; list its values'],
    ['order=permute(a)', undefined, '1 items have only one order; e.g. order=permute(dedupe,filter,split)'],
    ['k=permute(a,b)', 'integer', 'the field is no list but of type integer, and has no order'],
    ['x={"a":1}', undefined, '{"a":1} is no text, number, true, false or null'],
    ['x=0..1@router=', undefined, 'a value between commas is empty'],
  ] as const)('%s (%s) is refused', (text, fieldType, message) => {
    expect(() => parseDimension(text, fieldType && { fieldType })).toThrow(message)
    expect(() => parseDimension(text, fieldType && { fieldType })).toThrow(
      expect.objectContaining({ name: 'MixlabError' }),
    )
  })
})

describe('a configuration’s hash', () => {
  test('depends on what is in it, not on its order', () => {
    const hash = configurationHash({ b: { y: 1, x: [1, 2] }, a: 'ü' }, 3)
    // printf '{"configuration":{"a":"ü","b":{"x":[1,2],"y":1}},"seed":3}' | sha256sum
    expect(hash).toBe('95c79699952d5512')
    expect(configurationHash({ a: 'ü', gone: undefined, b: { x: [1, 2], y: 1 } }, 3)).toBe(hash)
    const others = [
      configurationHash({ b: { y: 1, x: [1, 2] }, a: 'ü' }, 4),
      configurationHash({ b: { y: 1, x: [2, 1] }, a: 'ü' }, 3),
      configurationHash({ b: { y: '1', x: [1, 2] }, a: 'ü' }, 3),
      configurationHash({ b: { y: 1, x: [1, 2] }, a: null }, 3),
    ]
    expect(new Set([hash, ...others]).size).toBe(5)
  })
})
