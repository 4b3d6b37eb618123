// Every operation of the catalogue with values from naive loops over float64: the table that each engine is checked with.
import { activationCases } from './activations.ts'
import { attentionCases } from './attention.ts'
import { cachedAttentionCases } from './cached-attention.ts'
import type { OperationCase } from './case.ts'
import { crossEntropyCases } from './cross-entropy.ts'
import { groupedCases } from './grouped.ts'
import { inPlaceCases } from './in-place.ts'
import { jointLinearCases } from './joint-linear.ts'
import { matMulGradCases } from './matmul-grad.ts'
import { normCases } from './norms.ts'
import { randomCases } from './random.ts'
import { rotaryCases } from './rotary.ts'
import { routingCases } from './routing.ts'
import { rowAndColumnCases } from './rows-and-columns.ts'

export const operationCases: readonly OperationCase[] = [
  ...normCases,
  ...rotaryCases,
  ...attentionCases,
  ...cachedAttentionCases,
  ...jointLinearCases,
  ...matMulGradCases,
  ...activationCases,
  ...crossEntropyCases,
  ...rowAndColumnCases,
  ...routingCases,
  ...groupedCases,
  ...randomCases,
  ...inPlaceCases,
]
