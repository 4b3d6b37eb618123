// Reading and writing journals: one recorded from Optuna 5 (peer/record.py; what Optuna says it holds, peer/dump.py, beside it),
// and the rules for what writers must not do.
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createStudy, openStudy } from '../src/index.ts'
import { newJournal } from './folder.ts'
import { randomSampler, testSpace } from './processes/random-sampler.ts'
import { shown } from './shown.ts'

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name)

function recorded(): string {
  const path = newJournal()
  copyFileSync(fixture('optuna-5.log'), path)
  return path
}

const lineFor = (fields: object): string => `${JSON.stringify({ op_code: 0, worker_id: 'w', ...fields })}\n`

test.each(['one', 'two'])('a journal of Optuna’s holds what Optuna says: study %s', async (name) => {
  const study = await openStudy({ path: recorded(), name })
  expect(shown(study)).toEqual(JSON.parse(readFileSync(fixture(`optuna-5-${name}.json`), 'utf8')))
})

test('opening writes nothing', async () => {
  const path = recorded()
  const study = await openStudy({ path, name: 'one' })
  expect(study.trials).toHaveLength(6)
  expect(readFileSync(path)).toEqual(readFileSync(fixture('optuna-5.log')))
})

test('a study that was deleted is not there, and its trials’ ids stay taken', async () => {
  const path = recorded()
  await expect(openStudy({ path, name: 'gone' })).rejects.toThrow('has no study gone. Did you mean one?')
  const study = await openStudy({ path, name: 'two', space: testSpace, sampler: randomSampler })
  await study.tell((await study.ask())!.number, [1, 1])
  const again = await openStudy({ path, name: 'two' })
  expect(again.trials.map(({ state }) => state)).toEqual(['complete', 'complete'])
})

test('what one writer was not allowed to do is skipped by all', async () => {
  const path = newJournal()
  const study = await createStudy({ path, directions: ['minimize'], space: testSpace, sampler: randomSampler })
  const { number } = (await study.ask())!
  await study.tell(number, 1)
  const before = shown(study)
  const float = '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}'
  appendFileSync(
    path,
    [
      // A name that is taken, a trial that has ended, one that there is not, a study that there is not.
      { study_name: 'study', directions: [2] },
      { op_code: 7, trial_id: number, step: 1, intermediate_value: 1 },
      { op_code: 6, trial_id: number, state: 3, values: null, datetime_complete: '2026-01-01T00:00:00+00:00' },
      { op_code: 8, trial_id: 99, user_attr: { a: 1 } },
      { op_code: 4, study_id: 99, datetime_start: '2026-01-01T00:00:00+00:00' },
      { op_code: 10, trial_ids: [number] },
    ]
      .map(lineFor)
      .join(''),
  )
  expect(shown(study)).toEqual(before)
  appendFileSync(
    path,
    [
      // Of the two who claim a waiting trial, the first has it; a parameter cannot become another kind.
      { op_code: 4, study_id: 0, datetime_start: null, state: 4 },
      { op_code: 6, trial_id: 1, state: 0, values: null, datetime_start: '2026-01-01T00:00:00+00:00' },
      { op_code: 6, trial_id: 1, state: 0, values: null, datetime_start: '2026-01-02T00:00:00+00:00' },
      { op_code: 5, trial_id: 1, param_name: 'k', param_value_internal: 0.5, distribution: float },
      { op_code: 5, trial_id: 1, param_name: 'new', param_value_internal: 0.5, distribution: float },
    ]
      .map(lineFor)
      .join(''),
  )
  expect(study.trials[1]).toMatchObject({ state: 'running', parameters: { new: 0.5 }, startedAt: Date.UTC(2026, 0, 1) })
  expect(study.trials[1]!.parameters).not.toHaveProperty('k')
})

test('steps are in order, whatever order they were reported in', async () => {
  const study = await createStudy({
    path: newJournal(),
    directions: ['minimize'],
    space: testSpace,
    sampler: randomSampler,
  })
  const trial = (await study.ask())!
  for (const step of [20, 10, 30, 11, 10]) await trial.report(step, step)
  expect([...trial.snapshot.intermediate.keys()]).toEqual([10, 11, 20, 30])
  await study.tell(trial.number, 'pruned')
  expect(study.trials[0]!.values).toEqual([30])
})

test('snapshots do not change; the trial’s next one does', async () => {
  const study = await createStudy({
    path: newJournal(),
    directions: ['minimize'],
    space: testSpace,
    sampler: randomSampler,
  })
  const trial = (await study.ask())!
  const before = study.trials
  await trial.report(1, 1)
  await trial.setUserAttribute('a', 1)
  expect(before[0]).toMatchObject({ intermediate: new Map(), userAttributes: {}, state: 'running' })
  expect(study.trials[0]).toMatchObject({ intermediate: new Map([[1, 1]]), userAttributes: { a: 1 } })
  expect(study.trials).toBe(study.trials)
})

test('old distributions and text in UTF-8 are read', async () => {
  const path = newJournal()
  const old = (name: string, attributes: object) => JSON.stringify({ name, attributes })
  const lines = [
    { study_name: 'ä😀', directions: [1] },
    { op_code: 4, study_id: 0, datetime_start: '2026-01-01T00:00:00.000001+00:00' },
    ...[
      old('UniformDistribution', { low: 0, high: 1 }),
      old('LogUniformDistribution', { low: 0.1, high: 1 }),
      old('DiscreteUniformDistribution', { low: 0, high: 1, q: 0.25 }),
      old('IntUniformDistribution', { low: 1, high: 9, step: 2 }),
      old('IntLogUniformDistribution', { low: 1, high: 9, step: 1 }),
      JSON.stringify({ type: 'int', low: 1, high: 3 }),
      JSON.stringify({ type: 'categorical', choices: ['ä', 2] }),
    ].map((distribution, index) => ({
      op_code: 5,
      trial_id: 0,
      param_name: `p${index}`,
      param_value_internal: 1,
      distribution,
    })),
  ]
  writeFileSync(path, lines.map(lineFor).join(''))
  const study = await openStudy({ path, name: 'ä😀' })
  expect(Object.values(study.trials[0]!.distributions)).toEqual([
    { kind: 'float', low: 0, high: 1 },
    { kind: 'float', low: 0.1, high: 1, log: true },
    { kind: 'float', low: 0, high: 1, step: 0.25 },
    { kind: 'int', low: 1, high: 9, step: 2 },
    { kind: 'int', low: 1, high: 9, log: true },
    { kind: 'int', low: 1, high: 3 },
    { kind: 'categorical', choices: ['ä', 2] },
  ])
  expect(study.trials[0]!.parameters['p6']).toBe(2)
})

test.each([
  ['text', 'hello\n', 'is not a journal: it begins with "hello"; expected Optuna\'s journal format'],
  ['JSON of another kind', '{"run":1}\n', 'is not a journal: it begins with'],
  ['text without an end of line', 'hello', 'is not a journal'],
  ['SQLite', 'SQLite format 3\0\x10\n', 'is not a journal'],
  ['another version', lineFor({ op_code: 11 }), 'the journal has an operation 11 that this version does not know'],
  [
    'a new kind of distribution',
    `${lineFor({ study_name: 'study', directions: [1] })}${lineFor({ op_code: 4, study_id: 0, datetime_start: null })}${lineFor({ op_code: 5, trial_id: 0, param_name: 'x', param_value_internal: 0, distribution: '{"name": "NormalDistribution", "attributes": {}}' })}`,
    'unknown distribution',
  ],
  [
    'damage in the middle',
    `${lineFor({ study_name: 'study', directions: [1] })}###\n${lineFor({ op_code: 4, study_id: 0, datetime_start: null })}`,
    'is damaged in line 2: "###"',
  ],
])('a file that is %s is refused in one line', async (_, content, message) => {
  const path = newJournal()
  writeFileSync(path, content)
  const opened = openStudy({ path })
  await expect(opened).rejects.toMatchObject({ name: 'MixlabError' })
  await expect(opened).rejects.toThrow(message)
})

test('a journal that has been cut or is not there is refused', async () => {
  const path = recorded()
  const study = await openStudy({ path, name: 'one' })
  truncateSync(path, 100)
  expect(() => study.trials).toThrow('has become shorter')
  await expect(openStudy({ path: `${path}.none` })).rejects.toMatchObject({ name: 'MixlabError', code: 'disk' })
  await expect(openStudy({ path: '/' })).rejects.toThrow('it is a folder, expected a file')
  await expect(createStudy({ path: '/none/such/journal.log', directions: ['minimize'] })).rejects.toThrow(
    'there is no such file or folder',
  )
})

test('a long journal is read in pieces, lines longer than a piece too', async () => {
  const path = newJournal()
  const study = await createStudy({ path, directions: ['minimize'], space: testSpace, sampler: randomSampler })
  const trial = (await study.ask())!
  const text = 'x'.repeat(9 << 20)
  await trial.setUserAttribute('long', text)
  await trial.report(1, 1)
  const again = await openStudy({ path })
  expect(again.trials[0]!.userAttributes['long']).toHaveLength(text.length)
  expect(again.trials[0]!.intermediate.size).toBe(1)
})
