// How many processors there are to use: by the machine, and by what a control group allows.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { quota, usableProcessors } from '../src/processors.ts'

describe('a control group’s limit', () => {
  /** A file system with these files; a quota is in microseconds of a period. */
  function system(files: Record<string, string>): string {
    const root = mkdtempSync(join(tmpdir(), 'mixlab-'))
    onTestFinished(() => rmSync(root, { recursive: true, force: true }))
    for (const [name, text] of Object.entries(files)) {
      const file = join(root, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    return root
  }
  const old = (group: string, time: number, period = 100_000) => ({
    [`sys/fs/cgroup/${group}/cpu.cfs_quota_us`]: `${time}\n`,
    [`sys/fs/cgroup/${group}/cpu.cfs_period_us`]: `${period}\n`,
  })

  test.for<[string, Record<string, string>, number]>([
    ['is none without control groups', {}, Infinity],
    [
      'is none where the group has none',
      { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' },
      Infinity,
    ],
    ['is the group’s', { 'proc/self/cgroup': '0::/a/b\n', 'sys/fs/cgroup/a/b/cpu.max': '250000 100000\n' }, 2.5],
    [
      'is that of a group above, where that is less',
      {
        'proc/self/cgroup': '0::/a/b/c\n',
        'sys/fs/cgroup/a/b/c/cpu.max': 'max 100000\n',
        'sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
        'sys/fs/cgroup/a/cpu.max': '75000 50000\n',
      },
      1.5,
    ],
    [
      'may be less than one processor',
      { 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/cpu.max': '20000 100000' },
      0.2,
    ],
    [
      'is found where the path is the host’s and what is mounted the container’s',
      { 'proc/self/cgroup': '0::/../../system.slice/docker-1.scope\n', 'sys/fs/cgroup/cpu.max': '300000 100000\n' },
      3,
    ],
    [
      'of version 1',
      {
        'proc/self/cgroup': '5:memory:/x\n4:cpu,cpuacct:/jobs/one\n1:name=systemd:/\n',
        ...old('cpu,cpuacct/jobs/one', 150_000, 50_000),
      },
      3,
    ],
    [
      'of version 1, −1 for none, in a group above',
      { 'proc/self/cgroup': '4:cpuacct,cpu:/jobs/one\n', ...old('cpu/jobs/one', -1), ...old('cpu/jobs', 200_000) },
      2,
    ],
    [
      'of both versions, the lesser',
      {
        'proc/self/cgroup': '4:cpu:/jobs\n0::/user\n',
        ...old('cpu/jobs', 400_000),
        'sys/fs/cgroup/unified/user/cpu.max': '350000 100000\n',
      },
      3.5,
    ],
    [
      'is not that of a group of other controllers',
      {
        'proc/self/cgroup': '4:cpuset:/a\n3:cpuacct:/a\n',
        ...old('cpuset/a', 100_000),
        ...old('cpuacct/a', 100_000),
        ...old('cpu/a', 100_000),
      },
      Infinity,
    ],
    [
      'is ignored where it is no number',
      { 'proc/self/cgroup': '0::/\nnonsense\n', 'sys/fs/cgroup/cpu.max': 'much\n' },
      Infinity,
    ],
  ])('%s', ([, files, expected]) => {
    expect(quota(system(files))).toBe(expected)
  })

  test('and the machine’s processors bound the default number of threads, which is at least 1', () => {
    const limited = (time: number) =>
      system({ 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/cpu.max': `${time} 100000\n` })
    expect(usableProcessors(limited(20_000))).toBe(1)
    expect(usableProcessors(limited(199_000))).toBe(1)
    expect(usableProcessors(limited(100_000_000))).toBe(availableParallelism())
    expect(usableProcessors(system({}))).toBe(availableParallelism())
  })
})
