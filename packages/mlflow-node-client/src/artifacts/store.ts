// Where a run's or model's artifacts lie, behind one small interface. Which it is follows from the artifact URI.
import type { Readable } from 'node:stream'
import type { CallOptions } from '../rest.ts'
import type { Body } from '../transport.ts'

export interface ArtifactInfo {
  /** Relative to the run's (or model's) artifacts. */
  readonly path: string
  readonly isFolder: boolean
  /** Bytes; undefined for folders. */
  readonly size: number | undefined
}

export interface WriteOptions extends CallOptions {
  /** `never` where the body cannot be opened a second time. */
  readonly repeat?: 'never' | undefined
}

export interface ArtifactStore {
  list(path: string, options: CallOptions): AsyncGenerator<ArtifactInfo, void, undefined>
  write(path: string, body: Body, options: WriteOptions): Promise<void>
  /** `consume` may be called again with a new stream if the first one broke off. */
  read<T>(path: string, consume: (content: Readable) => Promise<T>, options: CallOptions): Promise<T>
  delete(path: string, options: CallOptions): Promise<void>
}

/** Whose artifacts: a run's (its id alone will do) or a logged model's. */
export type ArtifactOwner = string | { readonly runId: string } | { readonly modelId: string }

export type OwnerId =
  | { readonly runId: string; readonly modelId?: undefined }
  | { readonly modelId: string; readonly runId?: undefined }

export const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('/')

/** A path in an address: everything but the slashes between its parts is encoded. */
export const encodedPath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')
