// A matrix as a heat map in PNG: eight bits a channel, no filter, compressed by zlib. https://www.w3.org/TR/png/
import { crc32, deflateSync } from 'node:zlib'

export interface Picture {
  readonly png: Buffer
  /** Pixels. */
  readonly width: number
  readonly height: number
}

type Colour = readonly [red: number, green: number, blue: number]

/** Viridis at five places; between them straight lines. */
const scale: readonly Colour[] = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
]
const unknown: Colour = [128, 128, 128]
/** Pixels that a picture should about have in its longer direction, and the largest cell. */
const wanted = 512
const largestCell = 32

/** @param share 0 to 1 */
function colourOf(share: number): Colour {
  const place = Math.min(1, Math.max(0, share)) * (scale.length - 1)
  const index = Math.min(scale.length - 2, Math.floor(place))
  const [from, to] = [scale[index]!, scale[index + 1]!]
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (place - index))
  return [mix(0), mix(1), mix(2)]
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** @param rows values[row][column]; null where there is none. The colours go from 0, or the least value, to the largest. */
export function heatMap(rows: readonly (readonly (number | null)[])[]): Picture {
  const columns = Math.max(1, ...rows.map((row) => row.length))
  const cell = Math.max(1, Math.min(largestCell, Math.floor(wanted / Math.max(rows.length, columns))))
  const values = rows.flat().filter((value) => value !== null && Number.isFinite(value)) as number[]
  const least = values.reduce((a, b) => Math.min(a, b), 0)
  const most = values.reduce((a, b) => Math.max(a, b), least)
  const [width, height] = [columns * cell, Math.max(1, rows.length) * cell]
  const pixels = Buffer.alloc(height * (1 + 3 * width))
  for (const [y, row] of rows.entries()) {
    const start = y * cell * (1 + 3 * width)
    for (let x = 0; x < columns; x++) {
      const value = row[x] ?? null
      const colour =
        value === null || !Number.isFinite(value) ? unknown : colourOf((value - least) / (most - least || 1))
      for (let i = 0; i < cell; i++) pixels.set(colour, start + 1 + 3 * (x * cell + i))
    }
    for (let i = 1; i < cell; i++) pixels.copyWithin(start + i * (1 + 3 * width), start, start + 1 + 3 * width)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const png = Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ])
  return { png, width, height }
}
