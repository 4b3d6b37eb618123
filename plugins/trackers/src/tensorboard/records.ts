// Event files are TFRecords: length, its checksum, the record, its checksum. The checksum is CRC-32C, rotated and offset.
// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
import { double, type Field, integer, text } from './protobuf.ts'

const polynomial = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
  return crc
})

export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

function masked(data: Uint8Array): Buffer {
  const crc = crc32c(data)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
  return bytes
}

export function record(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([length, masked(length), data, masked(data)])
}

/** An `Event` record. @param time milliseconds since 1970 @param what the summary, or another field of it */
export const event = (time: number, step: number, ...what: readonly Field[]): Buffer =>
  record(Buffer.concat([double(1, time / 1000), integer(2, step), ...what]))

/** What an event file begins with. */
export const opening = (time: number): Buffer => event(time, 0, text(3, 'brain.Event:2'))
