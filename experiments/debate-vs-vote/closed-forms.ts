// What votes and debates of scripted agents come to, exactly. The agents: each is right with probability p; with probability
// ρ it follows a draw that it has in common with the others for the question; there is one wrong answer. In a debate's
// second round an agent says with probability s what most of the others said (the first of them, where they are even), and
// draws anew otherwise.

export interface Agents {
  readonly count: number
  /** p */
  readonly accuracy: number
  /** ρ */
  readonly correlation: number
  /** s */
  readonly sycophancy: number
}

/** Distribution of the number of successes of independent trials: out[k] = P(k). */
function successes(probabilities: readonly number[]): number[] {
  let distribution = [1]
  for (const p of probabilities) {
    const next = Array.from({ length: distribution.length + 1 }, () => 0)
    for (const [k, share] of distribution.entries()) {
      next[k]! += share * (1 - p)
      next[k + 1]! += share * p
    }
    distribution = next
  }
  return distribution
}

/** Probability of a majority of independent votes being right; of an even split the first is right in half of the cases. */
function majority(probabilities: readonly number[]): number {
  const n = probabilities.length
  return successes(probabilities).reduce(
    (sum, share, right) => sum + share * (2 * right > n ? 1 : 2 * right === n ? 0.5 : 0),
    0,
  )
}

/** Averages over the common draw; given it, every agent is right with its own probability, independently of the others. */
function overCommonDraw({ accuracy: p, correlation: rho }: Agents, given: (q: number) => number): number {
  return p * given(rho + (1 - rho) * p) + (1 - p) * given((1 - rho) * p)
}

/** Accuracy of a majority vote. */
export const voteAccuracy = (agents: Agents): number =>
  overCommonDraw(agents, (q) => majority(Array.from({ length: agents.count }, () => q)))

/** Accuracy of a debate of two rounds and a vote on the second. The number of agents is odd. */
export function debateAccuracy(agents: Agents): number {
  const { count, sycophancy: s } = agents
  const outcomes = Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, agent) => (bits >> agent) & 1),
  )
  return overCommonDraw(agents, (q) =>
    outcomes.reduce((sum, first) => {
      const share = first.reduce((product, right) => product * (right === 1 ? q : 1 - q), 1)
      const second = first.map((_, agent) => s * mostSay(first.filter((_, other) => other !== agent)) + (1 - s) * q)
      return sum + share * majority(second)
    }, 0),
  )
}

/** Whether most are right; the first one's where they are even. */
function mostSay(answers: readonly number[]): number {
  const right = answers.reduce((sum, each) => sum + each, 0)
  return 2 * right === answers.length ? (answers[0] ?? 0) : Number(2 * right > answers.length)
}
