// From logits to a token, on the host: penalty → temperature → top-k → top-p → draw, in Hugging Face's order of logits
// processors, so that the same settings mean the same distribution.
import { MixlabError, type RandomStream } from '@mixlab/core'

export interface SamplingOptions {
  /** 0: the likeliest token, always. Default 1. */
  readonly temperature?: number
  /** Draw among this many of the likeliest tokens; 0: all. */
  readonly topK?: number
  /** Draw among the fewest likeliest tokens whose probabilities sum to at least this; 1: all. */
  readonly topP?: number
  /** Divides positive and multiplies negative logits of tokens seen so far (Keskar et al. 2019); 1: none. */
  readonly repetitionPenalty?: number
}

/** @throws MixlabError naming the setting that is out of its range. */
export function checkSampling({
  temperature = 1,
  topK = 0,
  topP = 1,
  repetitionPenalty = 1,
}: SamplingOptions): Required<SamplingOptions> {
  const check = (good: boolean, name: string, value: number, expected: string) => {
    if (!good) throw new MixlabError(`${name} is ${value}, expected ${expected}`)
  }
  check(temperature >= 0 && Number.isFinite(temperature), 'temperature', temperature, 'a number ≥ 0')
  check(Number.isInteger(topK) && topK >= 0, 'topK', topK, 'an integer ≥ 0')
  check(topP > 0 && topP <= 1, 'topP', topP, 'a number in (0, 1]')
  check(repetitionPenalty > 0, 'repetitionPenalty', repetitionPenalty, 'a number > 0')
  return { temperature, topK, topP, repetitionPenalty }
}

/** A token by `tokenProbabilities`; the likeliest is found without making a distribution of it. */
export function chooseToken(
  logits: Float32Array,
  options: Required<SamplingOptions>,
  seen: Iterable<number>,
  rng: RandomStream,
): number {
  if (options.temperature > 0) return drawToken(tokenProbabilities(logits, options, seen), rng)
  return indexOfLargest(options.repetitionPenalty === 1 ? logits : penalised(logits, options.repetitionPenalty, seen))
}

/** The distribution that a token is drawn from, float64. @param seen tokens that the repetition penalty applies to */
export function tokenProbabilities(
  logits: Float32Array,
  options: Required<SamplingOptions>,
  seen: Iterable<number>,
): Float64Array {
  const { temperature, topK, topP } = options
  const scores = penalised(logits, options.repetitionPenalty, seen)
  if (temperature === 0) {
    const greedy = new Float64Array(scores.length)
    greedy[indexOfLargest(scores)] = 1
    return greedy
  }
  for (let token = 0; token < scores.length; token++) scores[token]! /= temperature
  if (topK > 0 && topK < scores.length) {
    const threshold = scores.toSorted().at(-topK)!
    for (let token = 0; token < scores.length; token++) if (scores[token]! < threshold) scores[token] = -Infinity
  }
  const probabilities = softmax(scores)
  return topP < 1 ? nucleus(probabilities, topP) : probabilities
}

function penalised(logits: Float32Array, penalty: number, seen: Iterable<number>): Float64Array {
  const scores = new Float64Array(logits)
  if (penalty === 1) return scores
  for (const token of new Set(seen)) {
    const score = scores[token]!
    scores[token] = score < 0 ? score * penalty : score / penalty
  }
  return scores
}

function indexOfLargest(values: Float32Array | Float64Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

function softmax(scores: Float64Array): Float64Array {
  const top = scores[indexOfLargest(scores)]!
  const weights = scores.map((score) => Math.exp(score - top))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

/** Keeps the likeliest tokens up to the one with which their probabilities reach `topP` (Holtzman et al. 2019). */
function nucleus(probabilities: Float64Array, topP: number): Float64Array {
  const order = [...probabilities.keys()].toSorted((a, b) => probabilities[b]! - probabilities[a]! || a - b)
  const kept = new Float64Array(probabilities.length)
  let sum = 0
  for (const token of order) {
    kept[token] = probabilities[token]!
    sum += probabilities[token]!
    if (sum >= topP) break
  }
  return kept.map((probability) => probability / sum)
}

/** Draws a token: the first whose cumulated probability exceeds a uniform number. */
export function drawToken(probabilities: Float64Array, rng: RandomStream): number {
  const target = rng.uniform()
  let sum = 0
  let last = 0
  for (let token = 0; token < probabilities.length; token++) {
    if (probabilities[token] === 0) continue
    sum += probabilities[token]!
    last = token
    if (target < sum) return token
  }
  return last
}
