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

/**
 * The choice among the members that are offered, in their order, which may be fewer than the router knows: as many as it
 * would have chosen, those of its choice first, then by score.
 */
function among(choice: RouteChoice, known: readonly string[], offered: readonly string[]): RouteChoice {
  const places = offered.map((name) => known.indexOf(name))
  const missing = offered.find((_, i) => places[i]! < 0)
  if (missing !== undefined)
    throw new MixlabError(`routing: the router does not know the agent ${missing}; it knows ${known.join(', ')}`)
  const weightOf = new Map(choice.members.map((member, i) => [member, choice.weights[i]!]))
  const scores = choice.scores.length === 0 ? [] : places.map((place) => choice.scores[place]!)
  const weights = places.map((place) => weightOf.get(place) ?? 0)
  const best = places
    .map((_, i) => i)
    .toSorted((a, b) => weights[b]! - weights[a]! || (scores[b] ?? 0) - (scores[a] ?? 0))
  const members = best.slice(0, choice.members.length)
  const total = members.reduce((sum, member) => sum + weights[member]!, 0)
  return {
    members,
    weights: members.map((member) => (total > 0 ? weights[member]! / total : 1 / members.length)),
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
      const choice = decide(among(own, members, offered), offered, decision)
      for (const member of choice.members) counts[members.indexOf(offered[member]!)]!++
      requested += choice.members.length
      routed++
      if (routed - reported >= every) report()
      return choice
    },
    [Symbol.dispose]: report,
  }
}
