// How the members of a layer worked together, summed over questions: how often they differ, how often one of them was right
// (what a perfect choice would reach), what became of right answers that were in view, how much was copied.
import type { Grade, QuestionGrades, QuestionResult, StepResult } from '@mixlab/agents'
import { grams, shareIn } from './copying.ts'
import { stepGrades } from './marks.ts'

/** Copying is measured on so many questions. */
export const COPIES_MEASURED = 200

export interface LayerTally {
  readonly layer: number
  readonly kinds: Set<string>
  readonly steps: Set<string>
  answers: number
  missing: number
  graded: number
  right: number
  /** Questions with graded answers; with a right one among them. */
  questions: number
  anyRight: number
  /** Of two answers to one question; parsed differently. */
  pairs: number
  differing: number
  /** Answers whose step saw a right one; wrong nevertheless. */
  rightInView: number
  lost: number
  /** Answers whose step saw graded answers and none was right; right nevertheless. */
  wrongInView: number
  rescued: number
  /** Answers of an agent that was right in an earlier layer; wrong now. */
  ownRight: number
  ownLost: number
  /** Sum over answers of the share that stands word for word in the seen answer that it is closest to; and how many. */
  copied: number
  copies: number
}

const emptyLayer = (layer: number): LayerTally => ({
  layer,
  kinds: new Set(),
  steps: new Set(),
  answers: 0,
  missing: 0,
  graded: 0,
  right: 0,
  questions: 0,
  anyRight: 0,
  pairs: 0,
  differing: 0,
  rightInView: 0,
  lost: 0,
  wrongInView: 0,
  rescued: 0,
  ownRight: 0,
  ownLost: 0,
  copied: 0,
  copies: 0,
})

/** Adds the sums of another run's layer. */
export function addLayer(into: LayerTally, other: LayerTally): void {
  for (const kind of other.kinds) into.kinds.add(kind)
  for (const step of other.steps) into.steps.add(step)
  const counts = Object.keys(other).filter((key) => !['layer', 'kinds', 'steps'].includes(key)) as Count[]
  for (const key of counts) into[key] += other[key]
}
type Count = Exclude<keyof LayerTally, 'layer' | 'kinds' | 'steps'>

export const layerOf = (layers: Map<number, LayerTally>, layer: number): LayerTally => {
  const tally = layers.get(layer) ?? emptyLayer(layer)
  layers.set(layer, tally)
  return tally
}

function addAgreement(tally: LayerTally, grades: readonly Grade[]): void {
  if (grades.length === 0) return
  tally.questions++
  if (grades.some(({ correct }) => correct)) tally.anyRight++
  for (const [i, a] of grades.entries()) {
    tally.graded++
    if (a.correct) tally.right++
    for (const b of grades.slice(i + 1)) {
      tally.pairs++
      if (a.parsed !== b.parsed) tally.differing++
    }
  }
}

/** What became of what the step saw. */
function addOutcome(tally: LayerTally, own: readonly Grade[], seen: readonly Grade[]): void {
  if (seen.length === 0) return
  const hadRight = seen.some(({ correct }) => correct)
  for (const { correct } of own) {
    if (hadRight) {
      tally.rightInView++
      if (!correct) tally.lost++
    } else {
      tally.wrongInView++
      if (correct) tally.rescued++
    }
  }
}

function addCopying(
  tally: LayerTally,
  step: StepResult,
  madeBy: ReadonlyMap<string, string>,
  gramsOf: (step: string) => readonly ReadonlySet<string>[],
): void {
  // A vote and a selection pass on a text by design: they made no call for it.
  const written = step.answers.filter(({ call }) => call !== undefined && madeBy.get(call) === step.id)
  const seen = step.saw.flatMap(gramsOf)
  if (seen.length === 0) return
  for (const { text } of written) {
    const own = grams(text)
    tally.copied += Math.max(...seen.map((other) => shareIn(own, other)))
    tally.copies++
  }
}

export function addToLayers(
  layers: Map<number, LayerTally>,
  result: QuestionResult,
  grades: QuestionGrades | undefined,
): void {
  const byLayer = [...Map.groupBy(result.steps, (step) => step.layer)].toSorted(([a], [b]) => a - b)
  const rightBefore = new Set<string>()
  const madeBy = new Map(result.calls.map((call) => [call.id, call.step]))
  const known = new Map<string, readonly ReadonlySet<string>[]>()
  const gramsOf = (id: string): readonly ReadonlySet<string>[] => {
    const found =
      known.get(id) ?? result.steps.find((step) => step.id === id)?.answers.map(({ text }) => grams(text)) ?? []
    known.set(id, found)
    return found
  }
  for (const [layer, steps] of byLayer) {
    const tally = layerOf(layers, layer)
    const measured = tally.copies < COPIES_MEASURED * steps.length
    addAgreement(
      tally,
      steps.flatMap(({ id }) => stepGrades(grades, id)),
    )
    for (const step of steps) {
      tally.kinds.add(step.kind)
      tally.steps.add(step.id)
      tally.answers += step.answers.length
      tally.missing += step.missing?.length ?? 0
      const own = stepGrades(grades, step.id)
      addOutcome(
        tally,
        own,
        step.saw.flatMap((id) => stepGrades(grades, id)),
      )
      for (const [i, { agent }] of step.answers.entries()) {
        const grade = own[i]
        if (grade === undefined || !rightBefore.has(agent)) continue
        tally.ownRight++
        if (!grade.correct) tally.ownLost++
      }
      if (measured) addCopying(tally, step, madeBy, gramsOf)
    }
    for (const { id, answers } of steps)
      for (const [i, { agent }] of answers.entries()) if (stepGrades(grades, id)[i]?.correct) rightBefore.add(agent)
  }
}
