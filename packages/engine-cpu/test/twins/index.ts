// The table: every native kernel's cases by its name. Cases of kernels that are not native yet only test WebAssembly's.
import { attentionCases } from './attention.ts'
import { attentionFewCases } from './attention-few.ts'
import type { KernelCases } from './case.ts'
import { elementwiseCases } from './elementwise.ts'
import { fewCases } from './few.ts'
import { gatherCases } from './gather.ts'
import { normCases } from './norm.ts'
import { optimizerCases } from './optimizer.ts'
import { packCases } from './pack.ts'
import { productCases } from './product.ts'
import { reduceCases } from './reduce.ts'
import { rowCases } from './rows.ts'

export const casesByKernel: Readonly<Record<string, KernelCases>> = {
  ...attentionCases,
  ...attentionFewCases,
  ...elementwiseCases,
  ...fewCases,
  ...gatherCases,
  ...normCases,
  ...optimizerCases,
  ...packCases,
  ...productCases,
  ...reduceCases,
  ...rowCases,
}
