// Text sources, tokenization, corpora and batches.
export { type Document, readSource, type SourceOptions } from './sources.ts'
export { byteTokenizer, characterTokenizer, characterVocabulary, loadTokenizer, type Tokenizer } from './tokenizer.ts'
export { defaultDocuments, defaultDomainBytes, defaultDomains } from './default-corpus.ts'
export {
  buildCorpus,
  type Corpus,
  corpusConfig,
  type CorpusConfig,
  type CorpusOptions,
  loadCorpus,
  type TokenStream,
} from './corpus.ts'
export {
  type Batch,
  batchAt,
  type Batches,
  type BatchOptions,
  createBatches,
  type Sampling,
  samplings,
  fixedBatches,
  ignored,
  type WindowOptions,
  windows,
} from './batches.ts'
