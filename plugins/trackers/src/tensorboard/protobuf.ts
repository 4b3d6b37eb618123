// As much of Protocol Buffers as event files need: a message is the concatenation of its fields, each a tag and a value.
// https://protobuf.dev/programming-guides/encoding/

/** A message, or a part of one. */
export type Field = Buffer

function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

const key = (number: number, wire: 0 | 1 | 2 | 5): Buffer => varint((number << 3) | wire)

export const integer = (number: number, value: number): Field => Buffer.concat([key(number, 0), varint(value)])

export const bool = (number: number, value: boolean): Field => integer(number, value ? 1 : 0)

export function double(number: number, value: number): Field {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([key(number, 1), bytes])
}

export function float(number: number, value: number): Field {
  const bytes = Buffer.alloc(4)
  // Not writeFloatLE's rounding of what is too large: that is an infinity already.
  bytes.writeFloatLE(value)
  return Buffer.concat([key(number, 5), bytes])
}

export const bytes = (number: number, value: Uint8Array): Field =>
  Buffer.concat([key(number, 2), varint(value.length), value])

export const text = (number: number, value: string): Field => bytes(number, Buffer.from(value))

export const message = (number: number, ...fields: readonly Field[]): Field => bytes(number, Buffer.concat(fields))

export const doubles = (number: number, values: readonly number[]): Field =>
  bytes(number, Buffer.from(Float64Array.from(values).buffer))
