// No native kernel reads or writes outside its tensors, nor writes what it should only read: see twins/guarded.ts.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { findProcessor } from '../src/native/executable.ts'
import { nativeKernelNames } from '../src/native/registry.ts'
import { casesOfKernel, timeout } from './fuzz.ts'

const processor = findProcessor()
const child = fileURLToPath(new URL('./twins/guarded.ts', import.meta.url))
const numRuns = Math.ceil(casesOfKernel / 4)

/** The last that the process said, which names the kernel and the case where it was killed; and how it ended. */
function run(...args: readonly (string | number)[]): { said: string; ended: string } {
  const options = { encoding: 'utf8', maxBuffer: 1 << 30 } as const
  const { stdout, stderr, signal, status } = spawnSync(process.execPath, [child, ...args.map(String)], options)
  const said = stdout.trimEnd().split('\n').at(-1)!
  return { said: `${said}${stderr && `\n${stderr}`}`, ended: signal ?? String(status) }
}

describe.skipIf(typeof processor === 'string')('native kernels keep to their tensors', { timeout }, () => {
  test('all of them, whatever the case', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const { said, ended } = run('', seed, numRuns)
    expect(`${said}, seed ${seed}: ${ended}`).toMatch(/^within bounds, (\d+) calls, seed \d+: 0$/)
    expect(Number(/\d+/.exec(said)![0])).toBeGreaterThanOrEqual(2 * numRuns * (nativeKernelNames.length - 1))
  })

  test('a step too far is seen', () => {
    const { said, ended } = run('negFloat', 1, 100, 'overrun')
    expect(said).toMatch(/^negFloat for avx\d+, tensors before a guard page, {/)
    expect(ended).toBe('SIGSEGV')
  })
})
