// The table: every native kernel's cases by its name. Cases of kernels that are not native yet only test WebAssembly's.
import type { KernelCases } from './case.ts'
import { elementwiseCases } from './elementwise.ts'
import { productCases } from './product.ts'

export const casesByKernel: Readonly<Record<string, KernelCases>> = { ...elementwiseCases, ...productCases }
