import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildCorpus, byteTokenizer, type Corpus, corpusConfig, loadCorpus } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixlab-data-'))
const path = (...names: string[]) => join(folder, ...names)
const text = (corpus: Corpus, side: 'train' | 'validation') => corpus.tokenizer.decode(corpus[side].tokens)

beforeAll(() => {
  mkdirSync(path('docs/deep'), { recursive: true })
  mkdirSync(path('docs/node_modules'))
  writeFileSync(path('poem.txt'), '0123456789'.repeat(10))
  writeFileSync(path('docs/b.md'), 'second')
  writeFileSync(path('docs/a.txt'), 'first')
  writeFileSync(path('docs/deep/c.ts'), 'third')
  writeFileSync(path('docs/picture.png'), Buffer.from([0x89, 0, 1]))
  writeFileSync(path('docs/node_modules/d.txt'), 'not this')
  writeFileSync(path('lines.jsonl'), '{"text":"one","kind":"x"}\n\n{"text":"two","kind":"y"}\n')
  writeFileSync(path('empty.txt'), '')
  writeFileSync(path('nul.txt'), 'ab\0c')
  writeFileSync(path('latin1.txt'), Buffer.from('caf\xe9', 'latin1'))
  mkdirSync(path('none'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('sources', () => {
  it('a file: the first 90 % train, as nanoGPT splits', async () => {
    const corpus = await loadCorpus({ data: path('poem.txt') })
    expect(text(corpus, 'train')).toBe('0123456789'.repeat(9))
    expect(text(corpus, 'validation')).toBe('0123456789')
    expect(corpus.validation.bytes).toBe(10)
    expect(corpus.domains).toEqual([''])
    expect(corpus.train.domains).toBeUndefined()
  })

  it('a folder: its text files in order, apart', async () => {
    const corpus = await loadCorpus({ data: path('docs'), validationFraction: 0 })
    expect(text(corpus, 'train')).toBe('first\0second\0third\0')
    expect([...corpus.train.documents]).toEqual([0, 6, 13])
    expect(corpus.train.bytes).toBe(16)
    expect(corpus.validation.tokens).toHaveLength(0)
  })

  it('a glob, a list, another separator', async () => {
    const glob = await loadCorpus({ data: path('docs/**/*.{md,ts}'), validationFraction: 0, separator: '|' })
    expect(text(glob, 'train')).toBe('second|third|')
    const list = await loadCorpus({
      data: [path('docs/b.md'), path('docs/a.txt')],
      tokenizer: 'character',
      validationFraction: 0,
    })
    expect(text(list, 'train')).toBe('second\nfirst\n')
  })

  it('JSON lines: a document a line, domains by field', async () => {
    const corpus = await loadCorpus({ data: path('lines.jsonl'), domainField: 'kind', validationFraction: 0 })
    expect(text(corpus, 'train')).toBe('one\0two\0')
    expect(corpus.domains).toEqual(['x', 'y'])
    expect([...corpus.train.domains!]).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
  })

  it('standard input', () => {
    const program = `import { loadCorpus } from ${JSON.stringify(join(import.meta.dirname, '../src/index.ts'))}
      const options = { data: '-', validationFraction: 0.5 }
      await loadCorpus(options)
      const corpus = await loadCorpus(options)
      console.log(corpus.tokenizer.decode(corpus.train.tokens))`
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      input: 'piped text',
      encoding: 'utf8',
    })
    expect(child.stderr).toBe('')
    expect(child.stdout).toBe('piped\n')
  })

  it('no more than maxBytes, and never half a character', async () => {
    expect((await loadCorpus({ data: path('poem.txt'), maxBytes: 25 })).train.bytes).toBe(22)
    writeFileSync(path('accents.txt'), 'ééééé')
    const corpus = await loadCorpus({ data: path('accents.txt'), maxBytes: 5, validationFraction: 0 })
    expect(text(corpus, 'train')).toBe('éé')
    const lines = await loadCorpus({ data: path('lines.jsonl'), maxBytes: 4, validationFraction: 0 })
    expect(text(lines, 'train')).toBe('one\0t\0')
  })
})

const failure = async (config: Parameters<typeof loadCorpus>[0]): Promise<string> => {
  const error: unknown = await loadCorpus(config).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(MixlabError.is(error)).toBe(true)
  const { message } = error as MixlabError
  expect(message).not.toContain('\n')
  return message
}

describe('errors are one line that names the file', () => {
  it.each([
    [{ data: path('poen.txt') }, `data: ${path('poen.txt')} does not exist. Did you mean ${path('poem.txt')}?`],
    [{ data: path('nowhere/x.txt') }, `nor does the folder ${path('nowhere')}`],
    [{ data: path('*.csv') }, 'no file matches'],
    [{ data: path('none') }, `the folder ${path('none')} has no text files`],
    [{ data: path('empty.txt') }, `data: ${path('empty.txt')} is empty`],
    [{ data: path('nul.txt') }, `${path('nul.txt')} is not text: it has a NUL byte at offset 2`],
    [{ data: path('latin1.txt') }, `${path('latin1.txt')} is not text: it is not valid UTF-8`],
    [{ data: path('docs/picture.png') }, 'is not text'],
    [{ data: path('lines.jsonl'), field: 'body' }, `${path('lines.jsonl')}:1 has no field body (it has text, kind)`],
    [{ data: path('poem.txt'), tokenizer: 'chracter' }, 'tokenizer: chracter does not exist. Did you mean character?'],
    [{ data: path('poem.txt'), tokenizer: path('poem.txt') }, 'poem.txt is not JSON; give byte'],
  ])('case %#', async (config, message) => {
    expect(await failure(config)).toContain(message)
  })

  it('a JSON-lines file with a broken line', async () => {
    writeFileSync(path('broken.jsonl'), '{"text":"a"}\n{"text":')
    expect(await failure({ data: path('broken.jsonl') })).toContain('broken.jsonl:2 is not JSON')
  })
})

describe('buildCorpus', () => {
  it('holds back the tail of each domain and labels every token', () => {
    const documents = [
      { text: 'aaaaaaaaaa', domain: 'a' },
      { text: 'bbbbb', domain: 'b' },
      { text: 'ccccc', domain: 'b' },
    ]
    const corpus = buildCorpus(documents, { tokenizer: byteTokenizer, validationFraction: 0.4 })
    expect(text(corpus, 'train')).toBe('aaaaaabbbbb\0c')
    expect(text(corpus, 'validation')).toBe('aaaa\0cccc\0')
    expect(Buffer.from(corpus.train.domains!).toString('hex')).toBe('00000000000001010101010101')
    const hash = createHash('sha256').update('a\0aaaaaaaaaa\0b\0bbbbb\0b\0ccccc\0').digest('hex')
    expect(corpus.hash).toBe(hash)
  })

  it('does not cut a surrogate pair', () => {
    const corpus = buildCorpus([{ text: '🙂🙂🙂', domain: '' }], { tokenizer: byteTokenizer, validationFraction: 0.5 })
    expect([text(corpus, 'train'), text(corpus, 'validation')]).toEqual(['🙂🙂', '🙂'])
  })

  it('handles characters of the validation text that the training text lacks', () => {
    const corpus = buildCorpus([{ text: 'abababab!?', domain: '' }], {
      tokenizer: 'character',
      validationFraction: 0.2,
    })
    expect(corpus.tokenizer.size).toBe(3)
    expect(text(corpus, 'validation')).toBe('��')
  })
})

describe('the default corpus', () => {
  it('has five domains of real text and is the same every time', async () => {
    const [first, again] = await Promise.all([loadCorpus({ maxBytes: 50_000 }), loadCorpus({ maxBytes: 50_000 })])
    expect(first.domains).toEqual(['typescript', 'javascript', 'markdown', 'json', 'licence'])
    expect(first.hash).toBe(again.hash)
    const counts = first.domains.map((_name, domain) => first.train.domains!.filter((label) => label === domain).length)
    for (const count of counts) expect(count).toBeGreaterThan(40_000)
    const sample = (domain: number) => {
      const at = first.train.domains!.indexOf(domain)
      return first.tokenizer.decode(first.train.tokens.subarray(at, at + 45_000))
    }
    expect(sample(0)).toMatch(/: (string|number)\b/)
    expect(sample(2)).toMatch(/^#+ /m)
    expect(sample(3)).toMatch(/"name": "/)
    expect(sample(4)).toMatch(/Permission is hereby granted|Apache License/)
    expect(first.describe()).toMatch(
      /^default corpus: 5 domains .* training and .* validation tokens, byte vocabulary of 256$/,
    )
  })

  it('is what an empty configuration means', () => {
    expect(corpusConfig.parse({})).toMatchObject({ data: 'default', tokenizer: 'byte', validationFraction: 0.1 })
  })
})
