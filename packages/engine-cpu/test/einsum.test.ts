// Einstein summation against the sum over all index tuples.
import { describe, expect, test } from 'vitest'
import { backend, expectClose, native, normals, tensor, values } from './harness.ts'

const sizes: Record<string, number> = { b: 3, t: 4, d: 5, e: 2, s: 6, h: 1 }

/** Every assignment of the letters' indices. */
function* tuples(letters: readonly string[]): Generator<Record<string, number>> {
  if (letters.length === 0) yield {}
  else
    for (const rest of tuples(letters.slice(1)))
      for (let i = 0; i < sizes[letters[0]!]!; i++) yield { ...rest, [letters[0]!]: i }
}

const offset = (term: string, at: Record<string, number>): number =>
  Array.from(term).reduce((sum, letter) => sum * sizes[letter]! + at[letter]!, 0)

describe('Einsum', () => {
  test.for([
    'ij->ij',
    'bt->tb',
    'btd->b',
    'btd->',
    'td,ds->ts',
    'td,sd->st',
    'bth,btd->bhd',
    'bte,btd->bed',
    'bte,bted->btd',
    'bt,btd->btd',
    't,d->td',
    'td,td->',
    'bthd,bshd->bhts',
    'btd,e->bt',
    'dbt,std->bs',
    'h,h->',
  ])('%s', (equation) => {
    Object.assign(sizes, { i: 4, j: 3 })
    const [left, result] = equation.split('->') as [string, string]
    const terms = left.split(',')
    const data = terms.map((term, i) =>
      normals(
        Array.from(term).reduce((n, letter) => n * sizes[letter]!, 1),
        i + 1,
      ),
    )
    const inputs = terms.map((term, i) =>
      tensor(
        Array.from(term).map((letter) => sizes[letter]!),
        data[i]!,
      ),
    )
    const before = backend.usage().allocatedBytes
    const [y] = native('Einsum', inputs, { equation })
    const shape = Array.from(result).map((letter) => sizes[letter]!)
    expect(y!.shape).toEqual(shape)
    const expected = new Float64Array(shape.reduce((a, b) => a * b, 1))
    for (const at of tuples([...new Set(left.replaceAll(',', ''))])) {
      expected[offset(result, at)]! += terms.reduce((p, term, i) => p * data[i]![offset(term, at)]!, 1)
    }
    expectClose(values(y!), expected, { relative: 1e-5, absolute: 1e-5 })
    backend.release(y!)
    expect(backend.usage().allocatedBytes).toBe(before)
  })
})
