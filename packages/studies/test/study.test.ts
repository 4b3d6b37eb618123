// Ask and tell: enqueued trials first, samplers' points, several askers at once, and what users get wrong.
import { expect, test } from 'vitest'
import {
  choice,
  createStudy,
  float,
  integer,
  openStudy,
  type Sampler,
  type StudyOptions,
  toSpace,
  when,
} from '../src/index.ts'
import { newJournal } from './folder.ts'
import { randomSampler, testSpace } from './processes/random-sampler.ts'
import { shown } from './shown.ts'

type Made = StudyOptions & { readonly directions: readonly ('minimize' | 'maximize')[] }

const options = (path = newJournal()): Made => ({
  path,
  directions: ['minimize'],
  space: testSpace,
  sampler: randomSampler,
  seed: 5,
})

/** k = the trial's number, as long as it is below `count`. */
const counting = (count: number): Sampler => ({
  ask: ({ number }) => (number < count ? { parameters: { x: 0, k: number + 1, c: 'a' } } : undefined),
})

test('asking is a function of the seed and the number: another process goes on with the same points', async () => {
  const [whole, parts] = [newJournal(), newJournal()]
  {
    const study = await createStudy(options(whole))
    for (let i = 0; i < 6; i++) await study.tell((await study.ask())!.number, i)
  }
  await createStudy(options(parts))
  for (let i = 0; i < 6; i++) {
    // Neither space nor seed: they are kept with the study.
    const study = await openStudy({ path: parts, sampler: randomSampler })
    await study.tell((await study.ask())!.number, i)
  }
  const one = await openStudy({ path: whole })
  const other = await openStudy({ path: parts })
  expect(one.seed).toBe(5)
  expect(one.trials.map(({ parameters }) => parameters)).toEqual(other.trials.map(({ parameters }) => parameters))
  expect(new Set(one.trials.map(({ parameters }) => parameters['x'])).size).toBe(6)
  expect(one.trials[0]!.systemAttributes).toEqual({ 'random:drawn': 3 })
})

test('many who ask at once get a trial each, and a grid ends exactly where it ends', async () => {
  const path = newJournal()
  await createStudy({ ...options(path), sampler: counting(8) })
  const studies = await Promise.all(Array.from({ length: 4 }, () => openStudy({ path, sampler: counting(8) })))
  const asked = await Promise.all(studies.flatMap((study) => Array.from({ length: 4 }, () => study.ask())))
  expect(asked.filter((trial) => trial === undefined)).toHaveLength(8)
  const numbers = asked.filter((trial) => trial !== undefined).map(({ number }) => number)
  expect(numbers.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(studies[0]!.trials.map(({ parameters }) => parameters['k'])).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('enqueued trials come first and are claimed once; the sampler gives what they leave open', async () => {
  const path = newJournal()
  const study = await createStudy(options(path))
  expect(await study.enqueue({ x: 0.25 }, { why: 'a guess' })).toBe(0)
  expect(await study.enqueue({ x: -1, k: 3, c: 'b' })).toBe(1)
  expect(study.trials.map(({ state }) => state)).toEqual(['waiting', 'waiting'])
  await expect(study.tell(0, 1)).rejects.toThrow('is waiting, not running: ask for it first')
  const other = await openStudy(options(path))
  const trials = await Promise.all([study.ask(), other.ask(), study.ask(), other.ask()])
  expect(trials.map((trial) => trial!.number).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
  expect(study.trials[0]).toMatchObject({ state: 'running', userAttributes: { why: 'a guess' } })
  expect(study.trials[0]!.parameters).toMatchObject({ x: 0.25, k: expect.any(Number), c: expect.any(String) })
  expect(study.trials[1]!.parameters).toEqual({ x: -1, k: 3, c: 'b' })
  expect(study.trials[1]!.distributions).toEqual(
    Object.fromEntries(testSpace.map(({ name, distribution }) => [name, distribution])),
  )
})

test('what exists only under a fixed choice is drawn, though the sampler chose otherwise', async () => {
  const space = toSpace({ router: choice(['top-k', 'noisy']), noise: when('router', 'noisy', float(0, 1)) })
  const sampler: Sampler = { ask: () => ({ parameters: { router: 'top-k' } }) }
  const study = await createStudy({ ...options(), space, sampler })
  await study.enqueue({ router: 'noisy' })
  expect((await study.ask())!.parameters).toEqual({ router: 'noisy', noise: expect.any(Number) })
  expect((await study.ask())!.parameters).toEqual({ router: 'top-k' })
})

test('an enqueued value that is none of the choices is a failed trial with the reason', async () => {
  const path = newJournal()
  {
    const unaware = await createStudy({ path, directions: ['minimize'] })
    await unaware.enqueue({ c: 'z' })
  }
  const study = await openStudy({ path, space: testSpace, sampler: randomSampler })
  expect((await study.ask())!.number).toBe(1)
  expect(study.trials[0]).toMatchObject({
    state: 'failed',
    systemAttributes: { 'mixlab:reason': 'it was enqueued with c = "z", which is not one of its values' },
  })
})

test('outcomes: values, pruned with the last report, failed with attributes; then nothing changes any more', async () => {
  const study = await createStudy(options())
  const [a, b, c, d] = [(await study.ask())!, (await study.ask())!, (await study.ask())!, (await study.ask())!]
  await a.report(0.5, 1)
  expect(await study.tell(a.number, 2)).toMatchObject({
    state: 'complete',
    values: [2],
    finishedAt: expect.any(Number),
  })
  await b.report(0.5, 10)
  await b.report(0.75, 20)
  expect(await study.tell(b.number, 'pruned')).toMatchObject({ state: 'pruned', values: [0.75] })
  await c.report(NaN, 1)
  expect(await study.tell(c.number, 'pruned')).not.toHaveProperty('values')
  await study.tell(d.number, 'failed', { attributes: { 'mixlab:reason': 'out of memory' } })
  expect(d.snapshot).toMatchObject({ state: 'failed', systemAttributes: { 'mixlab:reason': 'out of memory' } })
  const before = shown(study)
  for (const late of [() => a.report(1, 2), () => study.tell(b.number, 1), () => d.setUserAttribute('a', 1)])
    await expect(late()).rejects.toThrow('has ended already')
  expect(shown(study)).toEqual(before)
  expect(study.best?.number).toBe(a.number)
})

test('a stopper is asked with the study as it is, and what it notes is kept', async () => {
  const study = await createStudy(options())
  const trial = (await study.ask())!
  await trial.report(3, 7)
  const seen: unknown[] = []
  const stop = await trial.shouldStop({
    judge(view, judged) {
      seen.push(view.trials.length, [...judged.intermediate])
      return { stop: true, attributes: { completed_rung_0: 3 } }
    },
  })
  expect([stop, seen]).toEqual([true, [1, [[7, 3]]]])
  expect(trial.snapshot.systemAttributes).toMatchObject({ completed_rung_0: 3 })
})

test('a sampler hears of each outcome once', async () => {
  const told: unknown[] = []
  const sampler: Sampler = {
    ...randomSampler,
    tell: (study, trial) => told.push([study.trials.length, trial.number, trial.state]),
  }
  const study = await createStudy({ ...options(), sampler })
  await study.tell((await study.ask())!.number, 1)
  await study.tell((await study.ask())!.number, 'failed')
  expect(told).toEqual([
    [1, 0, 'complete'],
    [2, 1, 'failed'],
  ])
})

test('reports that are not waited for arrive in their order', async () => {
  const study = await createStudy(options())
  const trial = (await study.ask())!
  await Promise.all(Array.from({ length: 20 }, (_, step) => trial.report(step * step, step)))
  expect([...trial.snapshot.intermediate]).toEqual(Array.from({ length: 20 }, (_, step) => [step, step * step]))
})

test('attributes of a study', async () => {
  const path = newJournal()
  const study = await createStudy(options(path))
  await study.setUserAttribute('question', { text: 'Which?', n: [1, NaN] })
  await study.setSystemAttribute('mixlab:objective', 'validationLoss')
  const again = await openStudy({ path })
  expect(again.userAttributes).toEqual({ question: { text: 'Which?', n: [1, NaN] } })
  expect(again.systemAttributes).toMatchObject({ 'mixlab:objective': 'validationLoss', 'mixlab:seed': 5 })
})

test('a space may get other bounds later, but no other kind', async () => {
  const path = newJournal()
  {
    const study = await createStudy(options(path))
    await study.tell((await study.ask())!.number, 1)
  }
  const wider = toSpace({ x: float(-9, 9), k: integer(1, 99), c: choice(['a', 'b']) })
  {
    const study = await openStudy({ path, space: wider, sampler: randomSampler })
    await study.tell((await study.ask())!.number, 1)
  }
  const study = await openStudy({ path })
  expect(study.space).toEqual(wider)
  expect(study.trials.map(({ distributions }) => distributions['k'])).toEqual([integer(1, 8), integer(1, 99)])
  for (const other of [{ k: float(1, 8) }, { k: integer(1, 8, { log: true }) }, { c: choice(['a', 'b', 'z']) }])
    await expect(openStudy({ path, space: toSpace(other) })).rejects.toThrow(
      'only bounds and steps may change; name another study',
    )
})

test('mistakes are one clear line each', async () => {
  const path = newJournal()
  const study = await createStudy(options(path))
  const trial = (await study.ask())!
  const mistakes: [() => Promise<unknown>, string][] = [
    [() => study.tell(0, NaN), "trial 0 was told NaN, expected a number; tell 'failed' of a trial that has no value"],
    [() => study.tell(0, [1, 2]), 'trial 0 was told 2 values, expected 1: one for each objective'],
    [() => trial.report(1, 0.5), 'report: the step is 0.5, expected a whole number, e.g. the training step'],
    [() => study.tell(7, 1), 'study study has no trial 7; it has 1, counted from 0'],
    [() => study.enqueue({ y: 1 }), 'enqueue: there is no parameter y. Did you mean c or k or x?'],
    [() => study.enqueue({ k: 9 }), 'enqueue: k is 9, expected an integer from 1 to 8'],
    [() => createStudy(options(path)), `${path} has a study study already: open it, or name another`],
    [
      () => createStudy({ ...options(), directions: [] }),
      'study study has no objective: expected at least one direction',
    ],
    [
      () => openStudy({ path, directions: ['maximize'] }),
      'study study is to minimize, not to maximize: name another study',
    ],
    [
      () => openStudy({ path, seed: 6 }),
      'study study has the seed 5, not 6: leave the seed out, or name another study',
    ],
    [() => openStudy({ path, name: 'studi' }), `${path} has no study studi. Did you mean study?`],
    [
      () => openStudy({ path }).then((opened) => opened.ask()),
      'study study was opened without a sampler: give one to ask for trials',
    ],
    [
      () =>
        openStudy({ path, sampler: { ask: () => ({ parameters: { x: 2, k: 1, c: 'a' } }) } }).then((opened) =>
          opened.ask(),
        ),
      'the sampler gave x = 2; expected a number from -1 to 1',
    ],
    [
      () =>
        openStudy({ path, sampler: { ask: () => ({ parameters: { x: 0, c: 'a' } }) } }).then((opened) => opened.ask()),
      'the sampler gave no value for k; expected an integer from 1 to 8',
    ],
  ]
  for (const [mistake, message] of mistakes) {
    await expect(mistake()).rejects.toMatchObject({ name: 'MixlabError', message })
  }
  expect(study.trials).toHaveLength(1)
  const several = await createStudy({ ...options(), directions: ['minimize', 'maximize'] })
  expect(() => several.best).toThrow('has 2 objectives and no single best trial: use its Pareto front')
})
