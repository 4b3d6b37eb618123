// Safetensors: reading (lazily), checking and writing. GGUF: writing.
export { type Dtype, dtypeBytes, type TensorValues, toBfloat16, toFloat16 } from './dtypes.ts'
export { type TensorInfo } from './header.ts'
export {
  type HostTensor,
  type LazyTensor,
  openSafetensors,
  type RawTensor,
  readSafetensors,
  SafetensorsFile,
  streamSafetensors,
  writeSafetensors,
} from './safetensors.ts'
export { type GgufMetadata, type GgufTensor, type GgufValue, streamGguf } from './gguf-file.ts'
export { type GgufOptions, saveGguf } from './gguf-model.ts'
export { ggufVocabulary, type SavedTokenizer } from './gguf-vocabulary.ts'
