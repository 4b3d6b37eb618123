// Experts: one file each.
import type { Plugin } from '@mixlab/core'
import { constantExpert } from './constant.ts'
import { copyExpert } from './copy.ts'
import { mlpExpert } from './mlp.ts'
import { swigluExpert } from './swiglu.ts'
import { zeroExpert } from './zero.ts'

export { constantExpert, copyExpert, mlpExpert, swigluExpert, zeroExpert }

/** All of them. */
export const experts: readonly Plugin<'expert'>[] = [swigluExpert, mlpExpert, zeroExpert, copyExpert, constantExpert]
