// As much of protobuf's wire format as writing a message takes: each function gives one field's bytes, and a message is
// its fields one after another.

const wireTypes = { varint: 0, fixed64: 1, length: 2 } as const

const varintBytes = (value: bigint): Buffer => {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

const tag = (field: number, type: keyof typeof wireTypes): Buffer => varintBytes(BigInt((field << 3) | wireTypes[type]))

/** An integer, a boolean or an enumeration's number. */
export const integer = (field: number, value: bigint | number): Buffer =>
  Buffer.concat([tag(field, 'varint'), varintBytes(BigInt(value))])

export const fixed64 = (field: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return Buffer.concat([tag(field, 'fixed64'), bytes])
}

export const double = (field: number, value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([tag(field, 'fixed64'), bytes])
}

export const bytes = (field: number, value: Uint8Array): Buffer =>
  Buffer.concat([tag(field, 'length'), varintBytes(BigInt(value.length)), value])

export const string = (field: number, value: string): Buffer => bytes(field, Buffer.from(value))

export const message = (field: number, fields: readonly Buffer[]): Buffer => bytes(field, Buffer.concat(fields))
