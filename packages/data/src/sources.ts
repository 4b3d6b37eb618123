// Where text comes from: a file, a folder (searched for text files), a glob, a JSON-lines file (one document a line), or
// standard input. Documents stay apart; joining them is the corpus's business. Everything is read in sorted order.
import { globSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { MixlabError, nearMisses } from '@mixlab/core'
import { decodeText, readTextFile } from './text-file.ts'

export interface Document {
  readonly text: string
  /** What it is an example of; '' where the data have no domains. */
  readonly domain: string
}

export interface SourceOptions {
  /** The field of a JSON-lines record that holds the text. */
  readonly field: string
  /** The field of a JSON-lines record that names its domain. */
  readonly domainField?: string | undefined
  /** Read about so many bytes of text at most. */
  readonly maxBytes?: number | undefined
}

const extensions = new Set(
  (
    'txt text md markdown rst tex adoc org html htm xml csv tsv json jsonl ndjson yaml yml toml ini log sql css scss ' +
    'js mjs cjs jsx ts mts cts tsx py java kt c h cc cpp hpp cs rs go rb php sh swift scala lua r jl hs ml clj ex dart'
  ).split(' '),
)
const isText = (name: string) => extensions.has(extname(name).slice(1).toLowerCase())
const isLines = (name: string) => /\.(jsonl|ndjson)$/i.test(name)

/** Text files below a folder, sorted; hidden ones and node_modules are left out. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') return []
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path)
      return entry.isFile() && isText(entry.name) ? [path] : []
    })
}

function missing(path: string): MixlabError {
  const folder = dirname(path)
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return new MixlabError(`data: ${path} does not exist, nor does the folder ${folder}`)
  }
  const near = nearMisses(basename(path), names).map((name) => (folder === '.' ? name : join(folder, name)))
  return new MixlabError(`data: ${path} does not exist.${near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : ''}`)
}

/** The files that a path, a folder or a glob stands for. */
function filesOf(source: string): string[] {
  const found = statSync(source, { throwIfNoEntry: false })
  if (found?.isDirectory()) {
    const files = filesBelow(source)
    if (files.length === 0) throw new MixlabError(`data: the folder ${source} has no text files (.txt, .md, .jsonl, …)`)
    return files
  }
  if (found) return [source]
  if (!/[*?[{]/.test(source)) throw missing(source)
  const files = globSync(source)
    .toSorted()
    .filter((path) => statSync(path).isFile())
  if (files.length === 0) throw new MixlabError(`data: no file matches ${source}`)
  return files
}

function parseLines(text: string, label: string, options: SourceOptions): Document[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const where = `${label}:${index + 1}`
    let record: unknown
    try {
      record = JSON.parse(line)
    } catch {
      throw new MixlabError(`data: ${where} is not JSON; a .jsonl file has one object a line`)
    }
    if (typeof record !== 'object' || record === null) throw new MixlabError(`data: ${where} is not a JSON object`)
    const value = (name: string): string => {
      const held = (record as Record<string, unknown>)[name]
      if (typeof held === 'string') return held
      if (held !== undefined) throw new MixlabError(`data: ${where}: the field ${name} is not text`)
      throw new MixlabError(`data: ${where} has no field ${name} (it has ${Object.keys(record).join(', ')}); set field`)
    }
    return [{ text: value(options.field), domain: options.domainField === undefined ? '' : value(options.domainField) }]
  })
}

/** Standard input can be read once, but a script may ask for it in each of its runs. */
let standardInput: Promise<string> | undefined

async function readStandardInput(): Promise<string> {
  if (process.stdin.isTTY) throw new MixlabError('data is "-" (standard input), but nothing is piped into this command')
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array)
  return decodeText(Buffer.concat(chunks), 'standard input')
}

/** `text` and, if it was cut to `budget` bytes, only that much of it. */
function cut(document: Document, budget: number): Document {
  const bytes = Buffer.from(document.text)
  return bytes.length <= budget
    ? document
    : { ...document, text: new TextDecoder().decode(bytes.subarray(0, budget)).replace(/�+$/, '') }
}

/**
 * The documents of a file, folder, glob or `-`.
 * @throws MixlabError if there is none, or something is not text; the message names the file.
 */
export async function readSource(source: string, options: SourceOptions): Promise<Document[]> {
  let budget = options.maxBytes ?? Infinity
  const documents: Document[] = []
  const take = (document: Document): void => {
    if (document.text === '' || budget <= 0) return
    const kept = budget === Infinity ? document : cut(document, budget)
    budget -= budget === Infinity ? 0 : Buffer.byteLength(kept.text)
    documents.push(kept)
  }
  if (source === '-') {
    take({ text: await (standardInput ??= readStandardInput()), domain: '' })
  } else {
    for (const file of filesOf(source)) {
      if (budget <= 0) break
      if (isLines(file)) for (const document of parseLines(readTextFile(file), file, options)) take(document)
      else take({ text: readTextFile(file, budget), domain: '' })
    }
  }
  if (documents.length === 0) throw new MixlabError(`data: ${source === '-' ? 'standard input' : source} is empty`)
  return documents
}
