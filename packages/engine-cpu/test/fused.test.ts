// Chains of elementwise functions in one kernel against WebAssembly's kernels, one after the other: the same bits.
import { array, assert, double, integer, pre, property, record } from 'fast-check'
import { describe, test } from 'vitest'
import type { InstructionSet } from '../src/native/instructions.ts'
import { findProcessor } from '../src/native/executable.ts'
import { assembleFused } from '../src/native/fused.ts'
import { casesOfKernel, timeout } from './fuzz.ts'
import { fusedCase, fusedParameters, singleSetup } from './twins/fused.ts'
import { kernelOfCode, runKernel } from './twins/memory.ts'

const processor = findProcessor()
const sets: InstructionSet[] =
  typeof processor === 'string' ? [] : processor.set === 'avx512' ? ['avx512', 'avx2'] : ['avx2']

const isSame = (a: number, b: number) => Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))

describe.skipIf(typeof processor === 'string')('chains of elementwise functions', { timeout }, () => {
  test.each(sets)('give what their functions give one by one, for %s', (set) => {
    const pieces = array(double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 })
    const run = record({ parameters: fusedParameters, cuts: pieces, shift: integer({ min: 0, max: 15 }) })
    assert(
      property(run, ({ parameters, cuts, shift }) => {
        const { form, setup, expected } = fusedCase(parameters)
        let code
        try {
          code = assembleFused(set, form)
        } catch (error) {
          // The engine cuts a chain that does not fit the registers.
          pre(!/needs more (vector|mask) registers/.test(String(error)))
          throw error
        }
        const results = runKernel('fused', set, setup, cuts, shift, kernelOfCode(code))
        const wanted = expected(
          (name, operands, own) =>
            runKernel(`${name}Float`, 'wasm', singleSetup(operands, own), [], 0)['y'] as Float32Array,
        )
        for (const node of form.outputs) {
          const [actual, values] = [results[`node${node}`]!, wanted[node]!]
          const at = values.findIndex((value, i) => !isSame(actual[i]!, value))
          if (at >= 0) throw new Error(`node ${node}, element ${at}: ${actual[at]} instead of ${values[at]}`)
        }
      }),
      { numRuns: 3 * casesOfKernel },
    )
  })
})
