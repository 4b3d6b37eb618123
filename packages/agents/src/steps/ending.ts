// Ending early. A step whose decision says `end: true` has what is needed: a cascade was satisfied, a moderator saw
// agreement, nothing changed any more. Steps after it in the same loop make no call and say why; the last step of each
// later round passes the answers on, so that what comes after the loop need not know where it ended.
import { endsOf, type Part } from '../compose.ts'
import type { Step, StepContext } from '../topology.ts'
import type { StepOutput } from '../result.ts'

export const hasEnded = (output: StepOutput): boolean => output.decision?.['end'] === true

/**
 * `step`, that waits for the steps `ids` also, without seeing their answers (unless it saw them before), and is not run
 * where `instead` gives an output. Its plan is then at least none.
 */
export function gated(
  step: Step,
  ids: readonly string[],
  instead: (gates: StepContext['inputs'], context: StepContext) => StepOutput | undefined,
  passesOn = false,
): Step {
  const only = ids.filter((id) => !step.from.includes(id))
  const from = [...step.from, ...only]
  const own = step.from.length
  return {
    ...step,
    from,
    gates: [...(step.gates ?? []), ...only],
    plan(context) {
      const plan = step.plan({ ...context, inputs: context.inputs.slice(0, own) })
      const passed = passesOn ? ids.map((id) => context.inputs[from.indexOf(id)]!.answers) : []
      const { count, least = count, tokens } = plan.answers
      return {
        ...plan,
        calls: plan.calls.map((calls) => ({ ...calls, min: 0 })),
        ...(plan.total !== undefined && { total: { ...plan.total, min: 0 } }),
        answers: {
          count: Math.max(count, ...passed.map(({ count }) => count)),
          least: Math.min(passesOn ? least : 0, ...passed.map(({ count, least = count }) => least)),
          tokens: Math.max(tokens, ...passed.map(({ tokens }) => tokens)),
        },
      }
    },
    async run(context) {
      const gates = ids.map((id) => context.inputs[from.indexOf(id)]!)
      return instead(gates, context) ?? (await step.run({ ...context, inputs: context.inputs.slice(0, own) }))
    },
  }
}

/** `steps` of a round, which are not run once the round that ended in `previous` has ended the loop. */
export function unlessEnded(steps: readonly Step[], previous: Step): readonly Step[] {
  const ends = new Set(endsOf(steps))
  return steps.map((step) =>
    gated(
      step,
      [previous.id],
      ([gate]) => {
        if (gate === undefined || !hasEnded(gate.output)) return undefined
        const { answers } = gate.output
        return {
          answers: ends.has(step) ? answers : [],
          skipped: `ended by ${endedBy(gate)}`,
          decision: { end: true, by: endedBy(gate) },
        }
      },
      ends.has(step),
    ),
  )
}

const endedBy = ({ id, output }: { readonly id: string; readonly output: StepOutput }): string =>
  typeof output.decision?.['by'] === 'string' ? output.decision['by'] : id

/**
 * Up to `count` rounds; each ends in one step, and the rounds after one whose end says so make no calls.
 * @param options.blind rounds do not see the answers of the rounds before
 */
export const rounds =
  (count: number, round: (index: number) => Part, options: { readonly blind?: boolean } = {}): Part =>
  ({ layer, before }) => {
    const all: Step[] = []
    let previous: Step | undefined
    for (let index = 0; index < count; index++) {
      const next = previous === undefined ? layer : Math.max(...all.map((step) => step.layer)) + 1
      const seen = previous === undefined || options.blind === true ? before : [previous]
      const made = round(index)({ layer: next, before: seen })
      const steps = previous === undefined ? made : unlessEnded(made, previous)
      all.push(...steps)
      previous = endsOf(steps)[0]
    }
    return all
  }
