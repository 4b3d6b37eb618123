// Checkpoints are whole or absent: what was written is read back, whatever is changed afterwards is noticed and named, and
// a write that fails leaves the earlier ones alone.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import { type FileContent, saveCheckpoint } from '../src/checkpoint.ts'
import { listCheckpoints, openCheckpoint } from '../src/index.ts'
import { temporaryFolder } from './runs.ts'

async function* pieces(...parts: readonly (readonly number[])[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Promise.resolve(Uint8Array.from(part))
}

async function* failing(error: unknown): AsyncGenerator<Uint8Array> {
  yield* pieces([1, 2, 3])
  throw error
}

const files = (): Record<string, FileContent> => ({ 'a.bin': pieces([1, 2], [], [3, 250]), 'b.txt': 'naïve 🙂\n' })
const state = { seed: 3, nested: { list: [1, null, 'x'] } }

/** Saves a checkpoint with the files above. */
const save = (root: string, step: number, keep: number | null = null) =>
  saveCheckpoint(root, step, files(), state, keep)

const names = (root: string): string[] => readdirSync(root).toSorted()

describe('a checkpoint', () => {
  test('is read back as it was written', async () => {
    const root = join(temporaryFolder(), 'new', 'checkpoints')
    const saved = await save(root, 500)
    expect(saved).toEqual({ step: 500, path: join(root, 'step-00000500') })
    expect(listCheckpoints(root)).toEqual([saved])
    const opened = openCheckpoint(saved.path)
    expect([opened.step, opened.state]).toEqual([500, state])
    expect([...readFileSync(opened.file('a.bin'))]).toEqual([1, 2, 3, 250])
    expect(readFileSync(opened.file('b.txt'), 'utf8')).toBe('naïve 🙂\n')
    expect(names(saved.path)).toEqual(['a.bin', 'b.txt', 'state.json'])
    expect(names(root)).toEqual(['step-00000500'])
  })

  test('says of each file what sha256sum says', async () => {
    const { path } = await save(temporaryFolder(), 1)
    const { files: records } = JSON.parse(readFileSync(join(path, 'state.json'), 'utf8')) as { files: unknown }
    expect(records).toEqual({
      'a.bin': { bytes: 4, sha256: 'bacdef9c76b37eb70caaf81ea41ecddd56d625b72e453de5eabbd59745279847' },
      'b.txt': { bytes: 12, sha256: '73aaa4646498511eb7419de66556a5f8200948f398eddbe75ef46f1a825edc26' },
    })
  })

  test('of a step that has one replaces it', async () => {
    const root = temporaryFolder()
    await save(root, 1)
    const { path } = await saveCheckpoint(root, 1, { 'c.txt': 'other' }, { again: true })
    expect(openCheckpoint(path).state).toEqual({ again: true })
    expect(names(path)).toEqual(['c.txt', 'state.json'])
  })
})

describe('the list', () => {
  test('is in the order of steps, and of complete ones only', async () => {
    const root = temporaryFolder()
    expect(listCheckpoints(join(root, 'missing'))).toEqual([])
    for (const step of [20, 3, 123_456_789, 100]) await save(root, step)
    mkdirSync(join(root, '.step-00000007.tmp'))
    mkdirSync(join(root, 'step-best'))
    expect(listCheckpoints(root).map(({ step }) => step)).toEqual([3, 20, 100, 123_456_789])
  })

  test.each([
    [1, [5]],
    [2, [4, 5]],
    [9, [1, 2, 3, 4, 5]],
    [null, [1, 2, 3, 4, 5]],
  ])('keeps the newest %s', async (keep, left) => {
    const root = temporaryFolder()
    for (let step = 1; step <= 5; step++) await save(root, step, keep)
    expect(listCheckpoints(root).map(({ step }) => step)).toEqual(left)
    expect(names(root)).toHaveLength(left.length)
  })

  test('what a killed write left behind goes at the next one', async () => {
    const root = temporaryFolder()
    for (const step of ['00000001', '00000002']) {
      const stale = join(root, `.step-${step}.tmp`)
      mkdirSync(stale)
      writeFileSync(join(stale, 'model.safetensors'), 'half')
    }
    await save(root, 2)
    expect(names(root)).toEqual(['step-00000002'])
    expect(names(join(root, 'step-00000002'))).toEqual(['a.bin', 'b.txt', 'state.json'])
  })
})

describe('damage is named', () => {
  const cases: [string, (path: string) => void, string][] = [
    ['a cut file', (path) => truncateSync(join(path, 'a.bin'), 3), 'a.bin has 3 bytes, expected 4'],
    ['an emptied file', (path) => truncateSync(join(path, 'b.txt'), 0), 'b.txt has 0 bytes, expected 12'],
    ['a file that grew', (path) => writeFileSync(join(path, 'a.bin'), 'longer'), 'a.bin has 6 bytes, expected 4'],
    ['a missing file', (path) => rmSync(join(path, 'b.txt')), 'b.txt is missing'],
    ['no state', (path) => rmSync(join(path, 'state.json')), 'state.json is missing'],
    ['a state of nothing', (path) => writeFileSync(join(path, 'state.json'), 'null'), 'state.json is empty'],
    ['an emptied state', (path) => truncateSync(join(path, 'state.json'), 0), 'state.json is not JSON'],
  ]
  test.each(cases)('%s', async (_, damage, what) => {
    const { path } = await save(temporaryFolder(), 8)
    damage(path)
    const error = thrownBy(() => openCheckpoint(path))
    expect(error.message).toBe(
      `the checkpoint ${path} is corrupt: ${what}; remove that folder to go on from an earlier one`,
    )
    expect(error.code).toBe('corrupt-checkpoint')
  })

  test('any byte changed in a file', async () => {
    const { path } = await save(temporaryFolder(), 8)
    for (const [name, size] of [
      ['a.bin', 4],
      ['b.txt', 12],
    ] as const) {
      const whole = readFileSync(join(path, name))
      for (let i = 0; i < size; i++) {
        const changed = Buffer.from(whole)
        changed[i]! ^= 1 << (i % 8)
        writeFileSync(join(path, name), changed)
        expect(thrownBy(() => openCheckpoint(path)).message).toContain(`${name} has been changed (SHA-256)`)
      }
      writeFileSync(join(path, name), whole)
    }
    expect(openCheckpoint(path).step).toBe(8)
  })

  test('a state that was cut anywhere', async () => {
    const { path } = await save(temporaryFolder(), 8)
    const file = join(path, 'state.json')
    const whole = readFileSync(file, 'utf8')
    // The last character is a newline, which nothing needs.
    for (let length = 0; length < whole.length - 1; length++) {
      writeFileSync(file, whole.slice(0, length))
      expect(thrownBy(() => openCheckpoint(path)).message).toContain('state.json is not JSON')
    }
  })

  test('any bit changed in the state', async () => {
    const { path } = await save(temporaryFolder(), 8)
    const file = join(path, 'state.json')
    const whole = readFileSync(file)
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const changed = Buffer.from(whole)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      writeFileSync(file, changed)
      const { message } = thrownBy(() => openCheckpoint(path))
      expect(message).toMatch(/state\.json (is not JSON|has been changed \(SHA-256\))|has format/)
    }
  })

  test('another format', async () => {
    const { path } = await save(temporaryFolder(), 8)
    const file = join(path, 'state.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 1', '"format": 7'))
    const error = thrownBy(() => openCheckpoint(path))
    expect(error.message).toBe(
      `the checkpoint ${path} has format 7, this version of mixlab reads format 1; use the version that wrote it`,
    )
    expect(error.code).toBe('other-version')
  })
})

describe('a write that fails', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  test.each([
    ['for any reason', new Error('the device is gone'), 'the device is gone'],
    ['on a full disk', full, 'no space left on the disk; free some and resume the run'],
  ])('%s leaves nothing of itself, and earlier ones alone', async (_, cause, reason) => {
    const root = temporaryFolder()
    const earlier = [await save(root, 1), await save(root, 2)]
    const path = join(root, 'step-00000003')
    const write = saveCheckpoint(root, 3, { 'whole.bin': pieces([1]), 'model.bin': failing(cause) }, state, 1)
    const error: unknown = await write.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'checkpoint-failed',
      message: `the checkpoint ${path} could not be saved (earlier ones are intact): ${reason}`,
      cause,
    })
    expect(MixlabError.is(error)).toBe(true)
    expect(names(root)).toEqual(['step-00000001', 'step-00000002'])
    for (const { step, path: folder } of earlier) expect(openCheckpoint(folder).step).toBe(step)
  })

  test('also of the same step', async () => {
    const root = temporaryFolder()
    const { path } = await save(root, 1)
    await expect(saveCheckpoint(root, 1, { 'a.bin': failing(full) }, state)).rejects.toThrow(/no space left/)
    expect([...readFileSync(openCheckpoint(path).file('a.bin'))]).toEqual([1, 2, 3, 250])
  })

  test('with a message of its own keeps it', async () => {
    const root = temporaryFolder()
    const own = new MixlabError('the tensor w is gone')
    await expect(saveCheckpoint(root, 1, { 'a.bin': failing(own) }, state)).rejects.toBe(own)
    expect(names(root)).toEqual([])
  })

  test('where a file is in the way of the folder', async () => {
    const root = join(temporaryFolder(), 'checkpoints')
    writeFileSync(root, 'a file')
    await expect(save(root, 1)).rejects.toMatchObject({ code: 'checkpoint-failed' })
    expect(existsSync(root)).toBe(true)
  })
})

function thrownBy(body: () => unknown): MixlabError {
  try {
    body()
  } catch (error) {
    if (MixlabError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
