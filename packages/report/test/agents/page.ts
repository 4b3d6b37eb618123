// A report's page as a test reads it: its elements, and its transcripts unpacked, or run in a document.
import { readFile } from 'node:fs/promises'
import { compileFunction } from 'node:vm'
import { inflateRawSync } from 'node:zlib'
import { parseHTML } from 'linkedom'
import type { PackedQuestion } from '../../src/agents/transcripts/pack.ts'
import type { ListRow } from '../../src/agents/transcripts/store.ts'

export interface PageElement {
  readonly textContent: string
  readonly id: string
  getAttribute(name: string): string | null
  querySelector(selector: string): PageElement | null
  querySelectorAll(selector: string): Iterable<PageElement>
  click(): void
}

export type PageDocument = Omit<PageElement, 'textContent' | 'id'>

export const parse = (source: string): PageDocument =>
  (parseHTML(source) as unknown as { document: PageDocument }).document

export const all = (page: Pick<PageElement, 'querySelectorAll'>, selector: string): PageElement[] => [
  ...page.querySelectorAll(selector),
]

export const tidy = (element: { textContent: string } | null | undefined): string =>
  (element?.textContent ?? '').replaceAll(/\s+/g, ' ').trim()

const inflated = (page: PageDocument, id: string): unknown =>
  JSON.parse(inflateRawSync(Buffer.from(page.querySelector(`#${id}`)!.textContent.trim(), 'base64')).toString())

export interface Unpacked {
  readonly list: readonly ListRow[]
  readonly question: (id: string) => PackedQuestion
}

export function unpack(page: PageDocument): Unpacked {
  const list = inflated(page, 'transcript-list') as ListRow[]
  return {
    list,
    question(id) {
      const [, , chunk, place] = list.find(([one]) => one === id)!
      return (inflated(page, `transcripts-${chunk}`) as PackedQuestion[])[place]!
    },
  }
}

/** The text of a table's cell under a heading. */
export function cell(row: PageElement, title: string, table: PageElement): PageElement {
  const place = all(table, 'thead th').findIndex((heading) => tidy(heading) === title)
  if (place < 0) throw new Error(`no column ${title}`)
  return all(row, 'th,td')[place]!
}

/** Runs one of the page's scripts in its document, as a browser would. */
export async function runScript(source: string, script: string): Promise<PageDocument> {
  const { document } = parseHTML(source) as unknown as { document: PageDocument }
  compileFunction(script, ['document', 'getSelection'])(document, () => '')
  for (let i = 0; i < 200 && all(document, '.questions tbody tr').length === 0; i++) await pause()
  return document
}

export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

export const readPage = (path: string): Promise<string> => readFile(path, 'utf8')
