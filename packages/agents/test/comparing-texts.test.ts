// Texts compared without a model: BLEU against NLTK's, likeness by what must hold of it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { agreement, bleu, cumulativeBleu, diverseSubset, lexicalVector, similarity } from '../src/index.ts'

// NLTK 3.9: sentence_bleu([reference.split()], candidate.split(), smoothing_function=SmoothingFunction().method2)
test.each([
  ['the cat sat on the mat', 'the cat is on the mat', 0.48549177170732344],
  ['def add(a, b):\n    return a + b', 'def add(x, y):\n    return x + y', 0.2125450426268808],
  ['a b c d e f g', 'a b c d e f g', 1],
  ['one two', 'one two three four five six', 0.09569649651041094],
  ['completely different words here', 'nothing in common at all', 0],
  ['repeated repeated repeated repeated word', 'repeated word', 0.33980884896942454],
  ['to be or not to be that is the question', 'to be or not to be that was a question of taste', 0.5690301786849123],
  ['x y', 'x y', 0.7071067811865476],
])('BLEU of %j', (candidate, reference, expected) => {
  expect(bleu(candidate, reference)).toBeCloseTo(expected, 12)
})

test('the most typical text has the largest sum', () => {
  const scores = cumulativeBleu(['a b c d', 'w x y z', 'a b c e'])
  expect(scores.indexOf(Math.max(...scores))).not.toBe(1)
  expect(scores[1]).toBe(0)
})

const words = fc.array(fc.stringMatching(/^[a-z0-9]{1,6}$/), { maxLength: 8 }).map((list) => list.join(' '))

test('likeness is symmetric, from 0 to 1, and 1 of a text with itself', () => {
  fc.assert(
    fc.property(words, words, (a, b) => {
      const [one, two] = [lexicalVector(a), lexicalVector(b)]
      const likeness = similarity(one, two)
      expect(likeness).toBeCloseTo(similarity(two, one), 12)
      expect(likeness).toBeGreaterThanOrEqual(0)
      expect(likeness).toBeLessThanOrEqual(1)
      if (a !== '') expect(similarity(one, one)).toBeCloseTo(1, 12)
    }),
  )
  expect(agreement(['The answer is 42.', 'the answer is 42'])).toBeCloseTo(1, 12)
  expect(agreement(['abc', 'xyz'])).toBe(0)
  expect(agreement(['only one'])).toBe(1)
  // Other numbers are other answers, even in the same sentence.
  expect(agreement(['So it is 42.', 'So it is 17.'])).toBeLessThan(0.8)
})

test('a diverse subset leaves out what repeats, and has one of each kind', () => {
  const texts = ['the sea is blue', 'the sea is blue!', 'quantum fields', 'the sea is so blue', 'grilled zucchini']
  expect(diverseSubset(texts, 3).filter((index) => [0, 1, 3].includes(index)).length).toBe(1)
  expect(diverseSubset(texts, 3)).toEqual(expect.arrayContaining([2, 4]))
  expect(diverseSubset(texts, 9)).toEqual([0, 1, 2, 3, 4])
  expect(diverseSubset([], 2)).toEqual([])
  fc.assert(
    fc.property(fc.array(words, { maxLength: 7 }), fc.integer({ min: 1, max: 8 }), (given, count) => {
      const chosen = diverseSubset(given, count)
      expect(new Set(chosen).size).toBe(Math.min(count, given.length))
    }),
  )
})
