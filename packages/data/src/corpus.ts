// A corpus: text as two streams of tokens, one to train on and one to validate on, with the domain of each token where
// the data have domains. The split is contiguous, the last part of each domain, as nanoGPT's (its first 90 % train).
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MixlabError, nearMisses, parseConfiguration } from '@mixlab/core'
import { z } from 'zod'
import { defaultDocuments, defaultDomainBytes } from './default-corpus.ts'
import { type Document, readSource } from './sources.ts'
import { byteTokenizer, characterTokenizer, characterVocabulary, loadTokenizer, type Tokenizer } from './tokenizer.ts'

export interface TokenStream {
  /** What messages call it: `training` or `validation`. */
  readonly name: string
  readonly tokens: Int32Array
  /** Index into the corpus's `domains` for each token; absent if there is one domain only. */
  readonly domains?: Uint8Array
  /** Where each document begins. */
  readonly documents: Int32Array
  /** Length of the text in UTF-8 bytes, separators not counted: what bits per byte divide by. */
  readonly bytes: number
}

export interface Corpus {
  readonly tokenizer: Tokenizer
  readonly train: TokenStream
  /** Empty if nothing was held back. */
  readonly validation: TokenStream
  /** SHA-256 of the documents with their domains, in order. */
  readonly hash: string
  /** At least one. */
  readonly domains: readonly string[]
  /** One line for people. */
  describe(): string
}

const sources = z.union([z.string(), z.array(z.string()).min(1)])

/** The fields with which a configuration describes a corpus. */
export const corpusConfig = z.object({
  data: z
    .union([sources, z.record(z.string(), sources)])
    .default('default')
    .describe(
      'Text: a file, folder, glob, "-" (standard input), a list of them, {domain: source, …}, or "default" (built in)',
    ),
  tokenizer: z.string().default('byte').describe('"byte", "character", or the path of a tokenizer.json'),
  validationFraction: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.1)
    .describe('The last part of each domain, held back for validation'),
  separator: z
    .string()
    .nullable()
    .default(null)
    .describe("Text between documents; null: the tokenizer's end-of-document token, else a newline"),
  maxBytes: z.number().int().min(1).nullable().default(null).describe('Read at most so much text of each domain'),
  field: z.string().default('text').describe('The field of a .jsonl record that holds the text'),
  domainField: z.string().nullable().default(null).describe('The field of a .jsonl record that names its domain'),
})

export type CorpusConfig = z.output<typeof corpusConfig>

/** A stretch of a document on one side of the split. */
interface Piece {
  readonly text: string
  readonly domain: number
  /** False if the document goes on behind the split. */
  readonly ends: boolean
}

const texts = (pieces: readonly Piece[]) => pieces.map(({ text }) => text)

/** The last `fraction` of each domain's characters, counted over its documents in order, is held back. */
function split(
  documents: readonly Document[],
  domains: readonly string[],
  fraction: number,
): { train: Piece[]; validation: Piece[] } {
  const train: Piece[] = []
  const validation: Piece[] = []
  for (const [domain, name] of domains.entries()) {
    const own = documents.filter((document) => document.domain === name).map((document) => document.text)
    let left = Math.floor(own.reduce((sum, text) => sum + text.length, 0) * (1 - fraction))
    for (const text of own) {
      // Not between the two halves of a character outside the basic plane.
      const at = left > 0 && left < text.length && (text.charCodeAt(left - 1) & 0xfc00) === 0xd800 ? left + 1 : left
      if (at > 0) train.push({ text: text.slice(0, at), domain, ends: at >= text.length })
      if (at < text.length) validation.push({ text: text.slice(Math.max(at, 0)), domain, ends: true })
      left -= text.length
    }
  }
  return { train, validation }
}

function tokenize(
  name: string,
  pieces: readonly Piece[],
  tokenizer: Tokenizer,
  separator: Int32Array,
  domains: number,
): TokenStream {
  const encoded = pieces.map(({ text, ends }) => ({
    ids: tokenizer.encode(text),
    tail: ends ? separator : separator.subarray(0, 0),
  }))
  const length = encoded.reduce((sum, { ids, tail }) => sum + ids.length + tail.length, 0)
  const tokens = new Int32Array(length)
  const labels = new Uint8Array(domains > 1 ? length : 0)
  const documents = new Int32Array(pieces.length)
  let position = 0
  for (const [index, { ids, tail }] of encoded.entries()) {
    documents[index] = position
    tokens.set(ids, position)
    tokens.set(tail, position + ids.length)
    const end = position + ids.length + tail.length
    if (domains > 1) labels.fill(pieces[index]!.domain, position, end)
    position = end
  }
  const bytes = pieces.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  return { name, tokens, ...(domains > 1 && { domains: labels }), documents, bytes }
}

const count = (value: number) => value.toLocaleString('en-US')

export interface CorpusOptions {
  /** A tokenizer, or `character` to make one of the training text. */
  readonly tokenizer: Tokenizer | 'character'
  /** Default: 0.1. */
  readonly validationFraction?: number
  /** Text between documents; null: the tokenizer's end-of-document token or else a newline. */
  readonly separator?: string | null
  /** What `describe` calls it. */
  readonly name?: string
}

/**
 * A corpus of documents that are already in memory. Domains are numbered in order of appearance.
 * @throws MixlabError if there is no text or there are more than 256 domains.
 */
export function buildCorpus(documents: readonly Document[], options: CorpusOptions): Corpus {
  const domains = [...new Set(documents.map(({ domain }) => domain))]
  if (documents.every(({ text }) => text === '')) throw new MixlabError('data: there is no text')
  if (domains.length > 256)
    throw new MixlabError(`data: ${domains.length} domains, more than the 256 that a corpus can have`)
  const { train, validation } = split(documents, domains, options.validationFraction ?? 0.1)
  const several = documents.length > 1
  const separator = options.separator ?? null
  const tokenizer =
    options.tokenizer === 'character'
      ? characterTokenizer(
          characterVocabulary([...texts(train), ...(several ? [separator ?? '\n'] : [])], texts(validation)),
        )
      : options.tokenizer
  const end = tokenizer.endOfDocument
  const between = !several
    ? new Int32Array()
    : separator === null && end !== undefined
      ? Int32Array.of(end)
      : tokenizer.encode(separator ?? '\n')
  const hash = createHash('sha256')
  for (const { text, domain } of documents) hash.update(`${domain}\0${text}\0`)
  const streams = {
    train: tokenize('training', train, tokenizer, between, domains.length),
    validation: tokenize('validation', validation, tokenizer, between, domains.length),
  }
  return {
    tokenizer,
    ...streams,
    hash: hash.digest('hex'),
    domains,
    describe() {
      const kinds = domains.length > 1 ? `${domains.length} domains (${domains.join(', ')}), ` : ''
      return `${options.name ?? 'corpus'}: ${kinds}${count(streams.train.tokens.length)} training and ${count(streams.validation.tokens.length)} validation tokens, ${tokenizer.name} vocabulary of ${count(tokenizer.size)}`
    },
  }
}

/** `byte`, `character`, or the tokenizer in a tokenizer.json (or in a folder that holds one). */
function resolveTokenizer(name: string): Tokenizer | 'character' {
  if (name === 'byte') return byteTokenizer
  if (name === 'character') return name
  const path = statSync(name, { throwIfNoEntry: false })?.isDirectory() ? join(name, 'tokenizer.json') : name
  if (!existsSync(path)) {
    const folder = dirname(path)
    const files = existsSync(folder)
      ? readdirSync(folder).map((file) => (folder === '.' ? file : join(folder, file)))
      : []
    const near = nearMisses(name, ['byte', 'character', ...files])
    const hint =
      near.length > 0
        ? ` Did you mean ${near.join(' or ')}?`
        : ' Give byte, character, or the path of a tokenizer.json.'
    throw new MixlabError(`tokenizer: ${name} does not exist.${hint}`)
  }
  let state: unknown
  try {
    state = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw new MixlabError(`tokenizer: ${path} is not JSON; give byte, character, or the path of a tokenizer.json`)
  }
  return loadTokenizer(state, path)
}

async function readDocuments(data: CorpusConfig['data'], config: CorpusConfig): Promise<Document[]> {
  if (data === 'default') return defaultDocuments(config.maxBytes ?? defaultDomainBytes)
  if (typeof data !== 'string' && !Array.isArray(data)) {
    const parts: Document[] = []
    for (const [domain, source] of Object.entries(data)) {
      for (const { text } of await readDocuments(source, config)) parts.push({ text, domain })
    }
    return parts
  }
  const options = { field: config.field, domainField: config.domainField ?? undefined }
  const documents: Document[] = []
  let budget = config.maxBytes ?? Infinity
  for (const source of [data].flat()) {
    if (budget <= 0) break
    const read = source === 'default' ? defaultDocuments() : await readSource(source, { ...options, maxBytes: budget })
    documents.push(...read)
    if (budget < Infinity) budget -= read.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  }
  return documents
}

const nameOf = (data: CorpusConfig['data']): string => {
  if (data === 'default') return 'default corpus'
  if (data === '-') return 'standard input'
  if (typeof data === 'string') return basename(data)
  return Array.isArray(data) ? `${data.length} sources` : Object.keys(data).join(', ')
}

/**
 * Reads and tokenizes what a configuration describes. Paths are relative to the current directory.
 * @throws MixlabError in one line on data that are missing (with near misses), empty or not text.
 */
export async function loadCorpus(config: z.input<typeof corpusConfig> = {}): Promise<Corpus> {
  const settings = parseConfiguration(corpusConfig, config, 'data')
  const tokenizer = resolveTokenizer(settings.tokenizer)
  const documents = await readDocuments(settings.data, settings)
  return buildCorpus(documents, {
    tokenizer,
    validationFraction: settings.validationFraction,
    separator: settings.separator,
    name: nameOf(settings.data),
  })
}
