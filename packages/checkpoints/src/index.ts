// Safetensors: reading (lazily), checking and writing.
export { type Dtype, dtypeBytes, type TensorValues, toBfloat16 } from './dtypes.ts'
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
