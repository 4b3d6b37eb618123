// Listings through the tracking server, which answers for whatever store lies behind it.
import { api, type CallOptions, pages, type Rest } from '../rest.ts'
import type { ArtifactInfo, OwnerId } from './store.ts'

interface WireFiles {
  files?: { path: string; is_dir?: boolean; file_size?: number | string }[]
  next_page_token?: string
}

export const listed = (
  rest: Rest,
  owner: OwnerId,
  path: string,
  options: CallOptions,
): AsyncGenerator<ArtifactInfo, void, undefined> =>
  pages(async (pageToken) => {
    const below = path === '' ? undefined : path
    const answer = await rest.json<WireFiles>({
      method: 'GET',
      ...(owner.modelId === undefined
        ? { path: `${api}/artifacts/list`, query: { run_id: owner.runId, path: below, page_token: pageToken } }
        : {
            path: `${api}/logged-models/${encodeURIComponent(owner.modelId)}/artifacts/directories`,
            query: { artifact_directory_path: below, page_token: pageToken },
          }),
      signal: options.signal,
    })
    const items = (answer.files ?? []).map(({ path: file, is_dir: isFolder = false, file_size: size }) => ({
      path: file,
      isFolder,
      size: isFolder ? undefined : Number(size ?? 0),
    }))
    return { items, next: answer.next_page_token }
  })
