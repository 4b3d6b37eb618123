import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockSize, createAllocator } from '../src/allocator.ts'

const region = (limit: number, start = 100) => {
  let end = 1 << 16
  const extend = (goal: number) => (goal <= limit ? (end = Math.ceil(goal / 65536) * 65536) : end)
  const allocator = createAllocator({ start, end, extend })
  const allocate = (bytes: number): number => {
    const address = allocator.allocate(bytes)
    if (address === undefined) throw new Error(`no ${bytes} bytes`)
    return address
  }
  return { ...allocator, allocate }
}

test('a block size is a multiple of 64, at least the request and at most an eighth or 64 bytes larger', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 }), (bytes) => {
      const size = blockSize(bytes)
      expect(size % 64).toBe(0)
      expect(size).toBeGreaterThanOrEqual(Math.max(1, bytes))
      expect(size).toBeLessThanOrEqual(Math.max(bytes + 64, bytes * 1.125))
      expect(blockSize(size)).toBe(size)
    }),
  )
})

test('live blocks are aligned, inside the region, and never overlap', () => {
  const step = fc.oneof(fc.record({ allocate: fc.integer({ min: 0, max: 200_000 }) }), fc.record({ release: fc.nat() }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const allocator = region(1 << 26)
      const live: { address: number; size: number }[] = []
      for (const action of steps) {
        if ('allocate' in action) {
          const block = { address: allocator.allocate(action.allocate), size: blockSize(action.allocate) }
          expect(block.address % 64).toBe(0)
          expect(block.address).toBeGreaterThanOrEqual(100)
          expect(block.address + block.size).toBeLessThanOrEqual(100 + allocator.reservedBytes() + 64)
          for (const other of live) {
            const apart = block.address + block.size <= other.address || other.address + other.size <= block.address
            expect(apart).toBe(true)
          }
          live.push(block)
        } else if (live.length > 0) {
          allocator.release(live.splice(action.release % live.length, 1)[0]!.address)
        }
        expect(allocator.allocatedBytes()).toBe(live.reduce((sum, { size }) => sum + size, 0))
      }
    }),
    { numRuns: 60 },
  )
})

test('what was freed in pieces can be had in one piece, and a repeated step needs no new memory', () => {
  const allocator = region(1 << 24)
  const pieces = Array.from({ length: 1000 }, (_, i) => allocator.allocate(64 * (1 + (i % 200))))
  for (const address of pieces) allocator.release(address)
  expect(allocator.allocatedBytes()).toBe(0)
  const reserved = allocator.reservedBytes()
  const large = allocator.allocate(reserved - 512 - (reserved % 8) - reserved / 8)
  expect(allocator.reservedBytes()).toBe(reserved)
  allocator.release(large)
  for (let step = 0; step < 50; step++) {
    const blocks = [1000, 50_000, 7, 300_000, 50_000].map((bytes) => allocator.allocate(bytes))
    for (const address of blocks) allocator.release(address)
  }
  expect(allocator.reservedBytes()).toBe(reserved)
})

test('a block cannot be freed twice', () => {
  const allocator = region(1 << 20)
  const address = allocator.allocate(10)
  allocator.release(address)
  expect(() => allocator.release(address)).toThrow('not allocated')
})

test('running out changes nothing, and leaves the rest usable', () => {
  const allocator = region(1 << 20)
  allocator.allocate(1000)
  expect(() => allocator.allocate(1 << 21)).toThrow('no 2097152 bytes')
  expect(allocator.allocatedBytes()).toBe(1024)
  expect(allocator.allocate(1000)).toBeGreaterThan(0)
})

test('the largest free block can be had, and nothing larger', () => {
  const allocator = region(0)
  const blocks = Array.from({ length: 60 }, () => allocator.allocate(1024))
  while (allocator.largestFreeBytes() >= 64) allocator.allocate(64)
  for (const [i, address] of blocks.entries()) if (i % 3 > 0) allocator.release(address)
  expect(allocator.largestFreeBytes()).toBe(2048)
  expect(() => allocator.allocate(2049)).toThrow('no 2049 bytes')
  expect(allocator.allocate(2048)).toBeGreaterThan(0)
})

test('a size that is no number is refused before it can do harm', () => {
  const allocator = region(1 << 20)
  for (const bytes of [NaN, -64]) expect(() => allocator.allocate(bytes)).toThrow(`cannot allocate ${bytes} bytes`)
  allocator.release(allocator.allocate(64))
  expect(allocator.allocatedBytes()).toBe(0)
})
