// One process of `pnpm bench studies`; its twin for Optuna is peer/studies.py.
//   open JOURNAL            opens the study and its trials; prints the milliseconds
//   append JOURNAL COUNT    opens the study, says "ready", and on the first byte of its input sets COUNT attributes, one
//                           append each; prints when it was done, in milliseconds since 1970
import { once } from 'node:events'
import { openStudy } from '@mixlab/studies'

const [task, path, count = '0'] = process.argv.slice(2) as [string, string, string?]
if (task === 'open') {
  const begun = performance.now()
  const study = await openStudy({ path })
  const trials = study.trials.length
  console.log(JSON.stringify({ milliseconds: performance.now() - begun, trials }))
} else {
  const study = await openStudy({ path })
  console.log('ready')
  await once(process.stdin, 'data')
  process.stdin.destroy()
  for (let i = 0; i < Number(count); i++) await study.setUserAttribute(`${process.pid}-${i}`, i)
  console.log(Date.now())
}
