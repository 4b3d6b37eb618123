// Python's JSON: known answers from CPython's documentation of repr and json, and the round trip.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePythonJson, pythonFloat, pythonJson } from '../src/python-json.ts'

describe('floats', () => {
  // [value, repr(value)] from CPython 3.11.
  test.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [-2.5, '-2.5'],
    [0.1, '0.1'],
    [0.30000000000000004, '0.30000000000000004'],
    [1e-4, '0.0001'],
    [1e-5, '1e-05'],
    [0.000012345, '1.2345e-05'],
    [1e-7, '1e-07'],
    [1e-10, '1e-10'],
    [5e-324, '5e-324'],
    [123456789012345680, '1.2345678901234568e+17'],
    [1e15, '1000000000000000.0'],
    [9007199254740992, '9007199254740992.0'],
    [1e16, '1e+16'],
    [1e21, '1e+21'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
  ])('%d is %s', (value, text) => expect(pythonFloat(value)).toBe(text))

  test('any float is read back as itself', () => {
    fc.assert(
      fc.property(fc.double(), (value) => Object.is(parsePythonJson(pythonFloat(value)), value)),
      { numRuns: 2000 },
    )
  })
})

test('values are read back as they were written, in ASCII', () => {
  const text = fc.string({ unit: 'binary' })
  const json = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(
        text,
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.constant('a "NaN", \\"Infinity\\" b'),
      ),
      fc.array(tie('value')),
      fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('value'),
        { noNullPrototype: true },
      ),
    ),
  })).value
  fc.assert(
    fc.property(json, (value) => {
      const written = pythonJson(value)
      expect(written).toMatch(/^[ -~]*$/)
      expect(parsePythonJson(written)).toEqual(value)
    }),
    { numRuns: 100 },
  )
})

test('what JSON.stringify leaves out is left out', () => {
  expect(pythonJson({ a: undefined, b: [undefined], at: new Date(0) })).toBe(
    '{"b":[null],"at":"1970-01-01T00:00:00.000Z"}',
  )
})

test('what is neither JSON nor Python’s is refused', () => {
  expect(() => parsePythonJson('{"a":nan}')).toThrow(SyntaxError)
  expect(() => parsePythonJson('{"a":NaN')).toThrow(SyntaxError)
})
