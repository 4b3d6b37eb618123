// A run that a script starts, without a word about its trackers but their names.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pushRunTo, runExperiment } from '@mixlab/lab'
import { counting } from '../../packages/lab/test/fixtures/counting.ts'
import { temporaryFolder } from '../../packages/lab/test/fixtures/processes.ts'

test('when it returns, the tracker has everything', async () => {
  const runs = temporaryFolder()
  const track = [{ name: 'mlruns', folder: join(runs, 'mlruns') }]
  const { path } = await runExperiment(counting, { runs, config: { steps: 50, every: 10, pauseMs: 1 }, track })
  expect(await pushRunTo(path, {})).toEqual(new Map([['mlruns', 0]]))
})
