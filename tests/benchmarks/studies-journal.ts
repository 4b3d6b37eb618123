// The journal that `pnpm bench studies` opens: the lines that Optuna 5 writes for a study of so many trials, each with 10
// parameters of all three kinds and 10 intermediate values.
import { writeFileSync } from 'node:fs'
import { RandomStream } from '@mixlab/core'

const float = '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}'
const integer = '{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 64}}'
const choice = '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", "c"]}}'
const names = Array.from({ length: 10 }, (_, index) => `parameter${index}`)

export function writeJournal(path: string, trials: number): void {
  const rng = new RandomStream(0)
  const header = '"worker_id":"e8a12a39-5866-43be-8cf0-3d4b28e381e3-140683808811904"'
  const at = '"2026-11-30T12:39:35.423530+00:00"'
  const lines = [`{"op_code":0,${header},"study_name":"study","directions":[1]}`]
  for (let trial = 0; trial < trials; trial++) {
    lines.push(`{"op_code":4,${header},"study_id":0,"datetime_start":${at}}`)
    for (const [index, name] of names.entries()) {
      const [kind, value] =
        index < 6
          ? [float, rng.uniform()]
          : index < 8
            ? [integer, `${1 + rng.integer(64)}.0`]
            : [choice, rng.integer(3)]
      lines.push(
        `{"op_code":5,${header},"trial_id":${trial},"param_name":"${name}","param_value_internal":${value},"distribution":${JSON.stringify(kind)}}`,
      )
    }
    for (let step = 1; step <= 10; step++)
      lines.push(`{"op_code":7,${header},"trial_id":${trial},"step":${step},"intermediate_value":${rng.uniform()}}`)
    lines.push(
      `{"op_code":6,${header},"trial_id":${trial},"state":1,"values":[${rng.uniform()}],"datetime_complete":${at}}`,
    )
  }
  writeFileSync(path, `${lines.join('\n')}\n`)
}
