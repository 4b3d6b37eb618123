// Opening and making studies: what must hold between a journal and what somebody wants of it. Opening writes nothing.
import { MixlabError, suggest } from '@mixlab/core'
import { areCompatible } from './distribution-json.ts'
import type { LockKind } from './journal-lock.ts'
import type { StudyRecord } from './journal-state.ts'
import { JournalStore } from './journal-store.ts'
import type { Sampler } from './sampler.ts'
import type { Space } from './space.ts'
import { Study, type StudySettings } from './study.ts'
import { keptMetadata, metadataOperations } from './study-metadata.ts'
import type { Direction } from './trial.ts'

export interface StudyOptions {
  /** The journal. */
  readonly path: string
  /** A journal holds several studies. Default `study`. */
  readonly name?: string
  /** One for each objective. Of a study that exists they may be left out. */
  readonly directions?: readonly Direction[]
  /** Needed to ask; kept with the study, so that it may be left out later. */
  readonly space?: Space
  /** Needed to ask. */
  readonly sampler?: Sampler
  /** Of the samplers' random numbers; kept with the study. Default: the study's, else 0. */
  readonly seed?: number
  /** Default `open`; see `LockKind`. */
  readonly lock?: LockKind
  /** After how many seconds a lock without a sign of life is taken away; default 30, as Optuna's. */
  readonly graceSeconds?: number
}

const storeOf = ({ path, lock = 'open', graceSeconds = 30 }: StudyOptions, create: boolean): JournalStore =>
  new JournalStore(path, { kind: lock, graceMs: graceSeconds * 1000, create })

/** @throws MixlabError when the study has another seed, or trials that do not go with the space */
function settingsOf(record: StudyRecord, options: StudyOptions): StudySettings {
  const { name, references } = record
  const kept = keptMetadata(record)
  const seed = kept.seed ?? options.seed ?? 0
  if (options.seed !== undefined && options.seed !== seed)
    throw new MixlabError(
      `study ${name} has the seed ${seed}, not ${options.seed}: leave the seed out, or name another study`,
    )
  const space = options.space ?? kept.space
  for (const { name: parameter, distribution } of space ?? []) {
    const before = references.get(parameter)?.distribution
    if (before !== undefined && !areCompatible(before, distribution))
      throw new MixlabError(
        `study ${name} has trials where ${parameter} is ${JSON.stringify(before)}, now it is ${JSON.stringify(distribution)}: only bounds and steps may change; name another study`,
      )
  }
  return { seed, space, sampler: options.sampler }
}

/**
 * Opens a study, begun by us or by Optuna.
 * @throws MixlabError when the file is no journal, the study is not in it, or its directions, seed or space are others
 */
export async function openStudy(options: StudyOptions): Promise<Study> {
  const { path, name = 'study', directions } = options
  const store = storeOf(options, false)
  const record = store.study(name)
  if (record === undefined) {
    const others = store.studies().map((study) => study.name)
    throw new MixlabError(`${path} has no study ${name}.${suggest(name, others)}`, { code: 'no-study' })
  }
  if (directions && directions.join() !== record.directions.join())
    throw new MixlabError(
      `study ${name} is to ${record.directions.join(', ')}, not to ${directions.join(', ')}: name another study`,
    )
  return new Study(store, record, settingsOf(record, options))
}

/**
 * Makes a study, and its journal where there is none.
 * @throws MixlabError when the study exists or the file is no journal
 */
export async function createStudy(
  options: StudyOptions & { readonly directions: readonly Direction[] },
): Promise<Study> {
  const { path, name = 'study', directions, seed = 0, space } = options
  if (directions.length === 0) throw new MixlabError(`study ${name} has no objective: expected at least one direction`)
  const store = storeOf(options, true)
  await store.transact(() => {
    if (store.study(name))
      throw new MixlabError(`${path} has a study ${name} already: open it, or name another`, { code: 'study-exists' })
    const metadata = metadataOperations(store.nextStudyId, { seed, space })
    return { operations: [{ op: 'createStudy', name, directions }, ...metadata], result: undefined }
  })
  const record = store.study(name)!
  return new Study(store, record, settingsOf(record, options))
}
