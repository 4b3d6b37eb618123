// One domain of a corpus, as a corpus.
import type { Corpus } from 'mixlab'

type Stream = Corpus['train']

function only(stream: Stream, domain: number): Stream {
  const { domains } = stream
  if (!domains) return stream
  const documents = [...stream.documents, stream.tokens.length]
  const own = documents
    .slice(0, -1)
    .flatMap((start, index) => (domains[start] === domain ? [[start, documents[index + 1]!] as const] : []))
  const tokens = new Int32Array(own.reduce((sum, [from, to]) => sum + to - from, 0))
  const starts: number[] = []
  let position = 0
  for (const [from, to] of own) {
    starts.push(position)
    tokens.set(stream.tokens.subarray(from, to), position)
    position += to - from
  }
  // Of bytes, one token each; separators are not text.
  return { name: stream.name, tokens, documents: Int32Array.from(starts), bytes: tokens.length - own.length }
}

/** The documents of the domain `name` of a corpus of bytes, split as the whole is. */
export function domainCorpus(corpus: Corpus, name: string): Corpus {
  const domain = corpus.domains.indexOf(name)
  const streams = { train: only(corpus.train, domain), validation: only(corpus.validation, domain) }
  const count = (stream: Stream): string => stream.tokens.length.toLocaleString('en-US')
  return {
    ...corpus,
    ...streams,
    hash: `${corpus.hash}/${name}`,
    domains: [name],
    describe: () => `${name}: ${count(streams.train)} training and ${count(streams.validation)} validation tokens`,
  }
}
