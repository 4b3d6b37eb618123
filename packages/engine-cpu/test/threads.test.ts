// How many threads there are, by MIXLAB_THREADS and by the processors of the machine, and that their number changes no bit.
import { spawnSync } from 'node:child_process'
import { usableProcessors } from '@mixlab/core'
import { expect, test } from 'vitest'
import { bitOf, maximumThreads } from '../src/control.ts'
import { threadsFromEnvironment } from '../src/pool.ts'
import { digest } from './engine-thread.ts'
import './start.ts'

const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href)

test('1 thread, and far more threads than cores, give the same bits in reasonable time', () => {
  const script = `
    import { cpuEngine } from ${url('../src/index.ts')}
    import { digest } from ${url('./engine-thread.ts')}
    let workers = 0
    process.on('worker', () => workers++)
    const { threads } = await cpuEngine.start()
    const found = new Set()
    for (let round = 0; round < 10; round++) found.add(digest())
    await new Promise((resolve) => setTimeout(resolve, 0))
    console.log(JSON.stringify({ threads, workers, found: [...found] }))
  `
  for (const threads of [1, 16, 40]) {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, MIXLAB_THREADS: String(threads) },
    })
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    expect(JSON.parse(stdout)).toEqual({ threads, workers: threads - 1, found: [digest()] })
  }
}, 200_000)

test('each of the most threads there can be has a bit of its own', () => {
  const places = Array.from({ length: maximumThreads }, (_, index) => bitOf(index))
  expect(new Set(places.map(({ word, bit }) => `${word}:${bit}`)).size).toBe(maximumThreads)
  for (const { word, bit } of places) expect(word < 8 && Math.log2(bit >>> 0) % 1 === 0).toBe(true)
})

test('the default is what this process may use, at most 256', () => {
  expect(threadsFromEnvironment('')).toBe(Math.min(256, usableProcessors()))
})
