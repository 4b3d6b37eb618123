// Every native kernel against its WebAssembly twin of the same name: the same arguments on the same memory, in random
// shapes and with every kind of number, its items cut into arbitrary pieces. The bits must agree (all NaN are one), or, where
// the order of additions is a kernel's own, what float64 gives within a stated tolerance; and nothing else may change.
import { array, assert, double, integer, property, record } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InstructionSet } from '../src/native/instructions.ts'
import { findProcessor, type Processor } from '../src/native/executable.ts'
import { nativeKernelNames } from '../src/native/registry.ts'
import { casesOfKernel, timeout } from './fuzz.ts'
import type { Elements, KernelCases, Tensor } from './twins/case.ts'
import { casesByKernel } from './twins/index.ts'
import { hasTwin, runKernel } from './twins/memory.ts'

const found = findProcessor()
const processor: Processor | undefined = typeof found === 'string' ? undefined : found
const reason = `no machine code here: ${found as string}`
// Both sets where both can run, whatever MIXLAB_ISA says.
const sets: InstructionSet[] = processor?.set === 'avx512' ? ['avx512', 'avx2'] : processor ? ['avx2'] : []

const isSame = (a: number, b: number) => Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))

function check(
  what: string,
  actual: Elements,
  expected: ArrayLike<number | undefined>,
  { tolerance }: Pick<Tensor, 'tolerance'>,
): void {
  const { relative = 0, absolute = 0 } = tolerance ?? {}
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i]!, expected[i]]
    if (
      b === undefined ||
      isSame(a, b) ||
      (tolerance && (a === b || Math.abs(a - b) <= absolute + relative * Math.abs(b)))
    )
      continue
    throw new Error(`${what}[${i}] is ${a} instead of ${b}`)
  }
}

interface Run {
  readonly parameters: unknown
  readonly cuts: readonly number[]
  readonly shift: number
}

function compare(name: string, cases: KernelCases, targets: readonly InstructionSet[], run: Run): void {
  const { parameters, cuts, shift } = run
  const portable = cases.setup(parameters, 'wasm')
  const twin = cases.alone ? undefined : runKernel(cases.twin ?? name, 'wasm', portable, [], shift)
  for (const [key, { expected, ...tensor }] of twin ? Object.entries(portable.tensors) : [])
    if (expected) check(`${name} in WebAssembly: ${key}`, twin![key]!, expected(), tensor)
  for (const target of targets) {
    const setup = cases.setup(parameters, target)
    const results = runKernel(name, target, setup, cuts, shift)
    for (const [key, actual] of Object.entries(results)) {
      const tensor = setup.tensors[key]!
      check(`${name} for ${target}: ${key}`, actual, tensor.expected?.() ?? twin![key]!, tensor)
    }
  }
}

const pieces = {
  cuts: array(double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  shift: integer({ min: 0, max: 15 }),
}

describe('native kernels do what their WebAssembly twins do', { timeout }, () => {
  test('all of them are in the table', () => {
    expect(nativeKernelNames.filter((name) => !(name in casesByKernel))).toEqual([])
  })

  test.for(nativeKernelNames.filter((name) => name in casesByKernel))('%s', (name, context) => {
    const cases = casesByKernel[name]!
    context.skip(!processor, reason)
    const targets = sets.filter((set) => cases.runsOn?.(set, processor!) ?? true)
    context.skip(targets.length === 0, 'the processor lacks what this kernel needs')
    const run = record({ parameters: cases.parameters, ...pieces })
    assert(
      property(run, (values) => compare(name, cases, targets, values)),
      { numRuns: casesOfKernel },
    )
  })
})

describe('kernels of WebAssembly give the same in pieces as at once', { timeout }, () => {
  const only = Object.keys(casesByKernel).filter((name) => hasTwin(name) && !nativeKernelNames.includes(name))
  test.each(only)('%s', (name) => {
    const cases = casesByKernel[name]!
    assert(
      property(record({ parameters: cases.parameters, ...pieces }), ({ parameters, cuts, shift }) => {
        const setup = cases.setup(parameters, 'wasm')
        const whole = runKernel(name, 'wasm', setup, [], shift)
        const parts = runKernel(name, 'wasm', setup, cuts, shift)
        for (const [key, actual] of Object.entries(parts)) {
          const { expected, ...tensor } = setup.tensors[key]!
          check(`${name}: ${key}`, actual, whole[key]!, {})
          if (expected) check(`${name}: ${key}`, actual, expected(), tensor)
        }
      }),
      { numRuns: Math.ceil(casesOfKernel / 5) },
    )
  })
})
