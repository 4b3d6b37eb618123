// Runs trials of a study: journal, study, how many, the lock's kind. Prints the numbers of those that it has told.
import { type LockKind, openStudy } from '../../src/index.ts'
import { randomSampler, testSpace } from './random-sampler.ts'

const [path, name, count, lock] = process.argv.slice(2) as [string, string, string, LockKind]
const study = await openStudy({ path, name, space: testSpace, sampler: randomSampler, lock })
for (let i = 0; i < Number(count); i++) {
  const trial = (await study.ask())!
  const { x, k, c } = trial.parameters as { x: number; k: number; c: string }
  await trial.report(x * x, 1)
  await trial.setUserAttribute('writer', 'typescript')
  await study.tell(trial.number, x * x + k + Number(c === 'b'))
  console.log(trial.number)
}
