// Equal cost while other dimensions move: a whole-number field (the experts' width, say) is solved for, so that the
// quantity is as near to the budget as whole numbers allow. Costs grow with the field, so bisection finds it.
import { type Configuration, MixlabError, RandomStream } from '@mixlab/core'
import type { Cost } from '@mixlab/lab'
import type { PointContext } from './point.ts'
import type { Budget } from './sweep-config.ts'

/** What a configuration costs, by the experiment's own account. @throws MixlabError when it gives none. */
export async function costOf({ experiment, plugins }: PointContext, config: Configuration): Promise<Cost> {
  if (!experiment.cost) {
    throw new MixlabError(
      `${experiment.name} does not say what a configuration costs: give defineExperiment a cost(config) to use a budget`,
    )
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the configuration was parsed with the experiment's schema
  return await experiment.cost(config as never, { plugins, rng: new RandomStream(0) })
}

const largest = 1 << 24

/**
 * The value of the free field whose cost is nearest to the budget.
 * @param configure the configuration with that value
 * @throws MixlabError (`infeasible`), with the nearest cost, when it is further off than the tolerance.
 */
export async function solveBudget(
  context: PointContext,
  budget: Budget,
  configure: (free: number) => Configuration,
): Promise<number> {
  const known = new Map<number, number>()
  const at = async (free: number): Promise<number> => {
    const found = known.get(free)
    if (found !== undefined) return found
    const cost = await costOf(context, configure(free))
    known.set(free, cost[budget.quantity])
    return cost[budget.quantity]
  }
  let low = 1
  if ((await at(low)) > budget.value) throw infeasible(budget, low, await at(low))
  let high = 2
  while (high < largest && (await at(high)) < budget.value) [low, high] = [high, high * 2]
  while (high - low > 1) {
    // Costs are nearly linear in the field: the secant lands within a step or two, and bisection bounds it.
    const [below, above] = [await at(low), await at(high)]
    const secant = Math.round(low + ((budget.value - below) * (high - low)) / (above - below))
    const middle = Math.min(high - 1, Math.max(low + 1, Number.isFinite(secant) ? secant : (low + high) >> 1))
    if ((await at(middle)) <= budget.value) low = middle
    else high = middle
  }
  const [below, above] = [await at(low), await at(high)]
  const best = budget.value - below <= above - budget.value ? low : high
  const cost = await at(best)
  if (Math.abs(cost - budget.value) > budget.tolerance * budget.value) throw infeasible(budget, best, cost)
  return best
}

const infeasible = (budget: Budget, free: number, cost: number): MixlabError =>
  new MixlabError(
    `no ${budget.free} meets ${budget.quantity} ${budget.value.toLocaleString('en')} within ${100 * budget.tolerance} %: the nearest, ${free}, costs ${Math.round(cost).toLocaleString('en')}`,
    { code: 'infeasible' },
  )
