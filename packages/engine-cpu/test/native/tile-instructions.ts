// The instructions of tiles (AMX), with their texts: see instructions.ts. They are the same beside either set.
import { type Arbitrary, boolean, integer, record, shuffledSubarray } from 'fast-check'
import type { Address } from '../../src/native/instructions.ts'
import { type Line, simple } from './line.ts'
import { addresses, general, memory } from './operands.ts'

const tile = integer({ min: 0, max: 7 })

/** An index is always there, and its scale is 1: bytes from row to row. */
const places = record({ address: addresses, index: general }).map(({ address, index }) => {
  const { base, displacement = 0 } = address
  return { base, index, displacement }
})

const inMemory = (place: Address) => memory(place, 1).replace('BYTE PTR ', '')

export const tileInstructions: Readonly<Record<string, Arbitrary<Line>>> = {
  configureTiles: simple(
    [addresses],
    (a, source) => a.configureTiles(source),
    (source) => `ldtilecfg ${inMemory(source)}`,
  ),
  releaseTiles: simple(
    [],
    (a) => a.releaseTiles(),
    () => 'tilerelease',
  ),
  zeroTile: simple(
    [tile],
    (a, target) => a.zeroTile(target),
    (target) => `tilezero tmm${target}`,
  ),
  loadTile: simple(
    [tile, places, boolean()],
    (a, target, source, once) => a.loadTile(target, source, once),
    (target, source, once) => `tileloadd${once ? 't1' : ''} tmm${target},${inMemory(source)}`,
  ),
  storeTile: simple(
    [tile, places],
    (a, source, target) => a.storeTile(source, target),
    (source, target) => `tilestored ${inMemory(target)},tmm${source}`,
  ),
  // The processor takes no tile twice.
  multiplyTiles: simple(
    [shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 3, maxLength: 3 })],
    (a, tiles) => a.multiplyTiles(...(tiles as [number, number, number])),
    (tiles) => `tdpbf16ps ${tiles.map((number) => `tmm${number}`).join()}`,
  ),
}
