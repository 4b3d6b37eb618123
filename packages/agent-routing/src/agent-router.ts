// Puts a router over messages behind the port that topologies ask, and tells what it does in the events of the mixture
// layer: the load of agents is drawn, tracked and compared as the load of experts is.
import type { AgentRouter, RouteChoice } from '@mixlab/agents'
import { type Emit, MixlabError, routingEvent } from '@mixlab/core'
import { decide, type Decision } from './decision.ts'
import type { MessageRouter } from './message-router.ts'

export interface AgentRouterOptions {
  /** Default: as the router chooses. */
  readonly decision?: Decision
  /** Noise, jitter and confidence bounds take part, as in training. Default false. */
  readonly explore?: boolean
  /** Given, `mixture.routing` is emitted after every `every` questions and when the router is disposed of. */
  readonly emit?: Emit
  /** Default 50. */
  readonly every?: number
}

/** Of the members that are offered, which may be fewer than the router knows. */
function restrict(choice: RouteChoice, known: readonly string[], offered: readonly string[]): RouteChoice {
  if (known.length === offered.length && known.every((name, i) => name === offered[i])) return choice
  const places = offered.map((name) => known.indexOf(name))
  const missing = offered.filter((_, i) => places[i]! < 0)
  if (missing.length > 0)
    throw new MixlabError(`routing: the router does not know the agent ${missing[0]}; it knows ${known.join(', ')}`)
  const scores = choice.scores.length === 0 ? [] : places.map((place) => choice.scores[place]!)
  const kept = choice.members.flatMap((member, i) => {
    const place = places.indexOf(member)
    return place < 0 ? [] : [{ place, weight: choice.weights[i]! }]
  })
  const best = scores.map((_, i) => i).toSorted((a, b) => scores[b]! - scores[a]!)[0] ?? 0
  const chosen = kept.length > 0 ? kept : [{ place: best, weight: 1 }]
  const total = chosen.reduce((sum, { weight }) => sum + weight, 0)
  return {
    members: chosen.map(({ place }) => place),
    weights: chosen.map(({ weight }) => (total > 0 ? weight / total : 1 / chosen.length)),
    scores,
  }
}

/**
 * An agent router that asks `router`.
 * @throws MixlabError when routing, where agents are offered that the router does not know or the decision's are not there
 */
export function agentRouter(router: MessageRouter, options: AgentRouterOptions = {}): AgentRouter & Disposable {
  const { decision = { by: 'router' }, explore = false, emit, every = 50 } = options
  const { name, layer, members } = router
  const counts = members.map(() => 0)
  let [routed, reported, requested] = [0, 0, 0]
  const report = (): void => {
    if (!emit || routed === reported) return
    emit('mixture.routing', routingEvent(routed, { layer, router: name, members, counts, requested }))
    reported = routed
    requested = 0
    counts.fill(0)
  }
  return {
    name,
    choices: decision.by === 'threshold' ? 1 : Math.ceil(router.router.choices),
    route({ question, members: offered }) {
      const routes = router.route([question], { explore, step: routed })
      const own = { members: routes.members[0]!, weights: routes.weights[0]!, scores: routes.scores[0]! }
      const choice = decide(restrict(own, members, offered), offered, decision)
      for (const member of choice.members) counts[members.indexOf(offered[member]!)]!++
      requested += choice.members.length
      routed++
      if (routed - reported >= every) report()
      return choice
    },
    [Symbol.dispose]: report,
  }
}
