// Baselines of equal budget, and fronts of quality against cost.
import {
  beside,
  planTopology,
  propose,
  sample,
  sequence,
  type Topology,
  topology,
  vote,
  aggregate,
} from '@mixlab/agents'
