// Running out of memory, for real: an engine with 64 MiB. What fails says who holds what, leaves nothing behind, and the
// process goes on.
import { MixlabError } from '@mixlab/core'
import { currentPrecision, tf, valueAndGradients, withPrecision } from '@mixlab/tensor'
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { memoryFromEnvironment } from '../src/memory.ts'
import { outOfMemory as shortage } from '../src/out-of-memory.ts'
import { registerRun } from '../src/register.ts'

const mebi = 1 << 20
process.env.MIXLAB_MEMORY = '64MiB'
process.env.MIXLAB_THREADS = '2'
const { cpuEngine, runningBackend } = await import('../src/index.ts')
const engine = await cpuEngine.start({ precision: currentPrecision })
const backend = runningBackend()!

/** What must be as it was after an operation that failed. */
const state = () => {
  const { gradientDepth, kernelDepth, scopeStack, activeTape } = tf.engine().state
  const { numTensors, numBytes, numDataBuffers } = tf.memory()
  return {
    bytes: backend.usage().allocatedBytes,
    data: backend.numDataIds(),
    numTensors,
    numBytes,
    numDataBuffers,
    gradientDepth,
    kernelDepth,
    scopes: scopeStack.length,
    taping: activeTape?.length ?? 0,
  }
}

function outOfMemory(body: () => unknown): MixlabError {
  try {
    body()
  } catch (error) {
    if (MixlabError.is(error) && error.code === 'out-of-memory') return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Runs `body`, which runs out of memory, and looks whether everything is as before and small operations work. */
function failsCleanly(body: () => unknown): MixlabError {
  const before = state()
  const error = outOfMemory(body)
  expect(state()).toEqual(before)
  const small = tf.tidy(() => Array.from(tf.matMul(tf.ones([8, 8]), tf.fill([8, 8], 2)).dataSync()))
  expect(small).toEqual(Array.from({ length: 64 }, () => 16))
  expect(state()).toEqual(before)
  return error
}

describe('the message', () => {
  test('says how much was asked for and for what, what is allocated and by which tensors', () => {
    tf.tidy(() => {
      for (let i = 0; i < 24; i++) tf.fill([64, 128, 64], i)
      for (let i = 0; i < 3; i++) tf.tensor(new Int32Array(65_536), [16, 4096], 'int32')
      tf.fill([mebi], 1)
      tf.cast(tf.zeros([128, 512]), 'bool')
      for (let i = 0; i < 2; i++) tf.scalar(i)
      tf.tensor([1, 2])
      const { message } = failsCleanly(() => tf.fill([4096, 1024], 0))
      expect(message).toBe(
        'the cpu engine is out of memory: 16.8 MB asked for (float32 [4096, 1024]), 55.6 MB allocated ' +
          '(24 × float32 [64, 128, 64] 50.3 MB, 1 × float32 [1048576] 4.2 MB, 3 × int32 [16, 4096] 786.4 kB, ' +
          '1 × float32 [128, 512] 262.1 kB, 4 other tensors 65.7 kB) of at most 67.1 MB (MIXLAB_MEMORY=64MiB); ' +
          'use a smaller batch, context or model, or raise the limit',
      )
    })
  })

  test('counts scratch apart', () => {
    tf.tidy(() => {
      tf.fill([7680, 1024], 1)
      const a = tf.fill([1024, 1024], 1)
      const b = tf.fill([1024, 3072], 1)
      // Both operands are packed, in 2 or 4 bytes a number: there is room for the first.
      const { message } = failsCleanly(() => withPrecision('bf16', () => tf.matMul(a, b, true)))
      expect(message).toMatch(/ MB asked for \(scratch of a kernel\), [\d.]+ MB allocated \(1 × float32 \[7680, 1024\]/)
      expect(message).toMatch(/float32 \[1024, 3072\] 25\.2 MB, .*, scratch [24]\.\d MB\) of at most/)
    })
  })

  test('says so when there is enough, in pieces', () => {
    const blocks = Array.from({ length: 60 }, () => tf.fill([512, 512], 1))
    for (const [i, block] of blocks.entries()) if (i % 2 > 0) block.dispose()
    const { message } = failsCleanly(() => tf.fill([2048, 1024], 0))
    expect(message).toMatch(/; what is free is in pieces, the largest of [1-4]\.\d MB; use a smaller/)
    tf.dispose(blocks)
  })

  test('does not say so where the sum is the limit to the byte: the kernels need some of it', () => {
    const blocks = Array.from({ length: 3 }, () => tf.fill([4, mebi], 1))
    const { message } = failsCleanly(() => tf.fill([4, mebi], 0))
    expect(message).toMatch(/16\.8 MB asked for .*, 50\.3 MB allocated .* of at most 67\.1 MB \(.*\); use a smaller/)
    expect(() => engine.require!(16 * mebi, 'the same')).toThrow(message.slice(0, 40))
    tf.dispose(blocks)
  })

  test('says so when the machine gives less than the limit', () => {
    const [bytes, allocated, reserved, largestFree] = [200e6, 100e6, 150e6, 30e6]
    const asked = { purpose: 'float32 [50000000]', tensors: [], limit: { bytes: 4e9 } }
    const { message } = shortage({ ...asked, bytes, allocated, reserved, largestFree, available: 3.9e9 })
    expect(message).toBe(
      'the cpu engine is out of memory: 200.0 MB asked for (float32 [50000000]), 100.0 MB allocated (scratch 100.0 MB) ' +
        'of at most 4.0 GB (4 GiB, all that 32-bit addresses reach); the machine gives no more than 150.0 MB; ' +
        'use a smaller batch, context or model',
    )
  })
})

describe('a process goes on after', () => {
  test('an operation whose result does not fit: nothing is computed or copied', () => {
    tf.tidy(() => {
      const [column, row] = [tf.fill([4096, 1], 1), tf.fill([1, 65_536], 1)]
      const values = new Float32Array(20 * mebi)
      failsCleanly(() => tf.matMul(column, row))
      failsCleanly(() => tf.add(column, row))
      failsCleanly(() => tf.tile(column, [1, 100_000]))
      failsCleanly(() => tf.zeros([mebi, 1024]))
      failsCleanly(() => tf.tensor(values))
      expect(backend.usage().reservedBytes).toBeLessThanOrEqual(64 * mebi)
    })
  })

  test('kernels that make more than one tensor', () => {
    tf.tidy(() => {
      const [x, matrix] = [tf.fill([5, mebi], 1), tf.fill([1024, 2048], 0.5)]
      // The values fit, the indices do not.
      const { message } = failsCleanly(() => tf.topk(x, mebi - 1))
      expect(message).toContain('1 × float32 [5, 1048575]')
      failsCleanly(() => tf.einsum('ij,kj->ikj', matrix, matrix))
      failsCleanly(() => tf.einsum('ij,kj->kij', matrix, matrix))
    })
  })

  test('a kernel of several results, whichever of them fails', () => {
    const sizes = [1, 6, 2, 5, 4].map((megabytes) => [megabytes, mebi / 4])
    const before = state()
    const filler = tf.fill([13, mebi], 1)
    let results = 0
    registerRun('test.SeveralResults', ({ backend: cpu, inputs }) => {
      cpu.scratch(mebi)
      const first = cpu.alias(inputs.x!)
      const spare = cpu.alias(inputs.x!)
      cpu.output([1], 'float32')
      cpu.release(spare)
      const made = sizes.map((shape) => {
        results++
        return cpu.output(shape, 'float32')
      })
      return [first, ...made]
    })
    const x = tf.scalar(1)
    const error = failsCleanly(() => tf.engine().runKernel('test.SeveralResults', { x }, {}))
    expect(error.message).toContain('5.2 MB asked for (float32 [5, 262144])')
    expect(results).toBe(4)
    expect(x.dataSync()[0]).toBe(1)
    tf.dispose([filler, x])
    expect(state()).toEqual(before)
  })

  test('a kernel within a kernel', () => {
    const before = state()
    const x = tf.fill([11, mebi], 1)
    registerRun('test.Outer', ({ backend: cpu, inputs }) => {
      const identity = getKernel('Identity', 'mixlab-cpu').kernelFunc
      const inner = identity({ inputs: { x: inputs.x! }, backend: cpu, attrs: {} })
      return [inner as TensorInfo, cpu.output([mebi], 'float32'), cpu.output([4, mebi], 'float32')]
    })
    failsCleanly(() => tf.engine().runKernel('test.Outer', { x }, {}))
    expect(x.dataSync().every((value) => value === 1)).toBe(true)
    x.dispose()
    expect(state()).toEqual(before)
  })

  test("a JavaScript kernel of TensorFlow.js's, at its second result", () => {
    const [filler, x] = [tf.fill([10, mebi], 1), tf.fill([1, 1500, 1500, 1], 1) as tf.Tensor4D]
    const { message } = failsCleanly(() => tf.maxPoolWithArgmax(x, 1, 1, 'valid'))
    expect(message).toContain('2 × float32 [1, 1500, 1500, 1]')
    tf.dispose([filler, x])
  })

  test('an allocation in a tidy within a tidy', () => {
    failsCleanly(() =>
      tf.tidy(() => {
        const list = [tf.fill([mebi], 1)]
        tf.tidy(() => {
          for (;;) list.push(tf.add(list.at(-1)!, 1))
        })
      }),
    )
  })

  test.each([
    ['forward', 12],
    ['backward', 7],
  ])("a gradient of TensorFlow.js's own, on the way %s", (_, layers) => {
    const x = tf.tidy(() => tf.variable(tf.fill([mebi], 0.1)))
    const loss = (): tf.Scalar => {
      let y: tf.Tensor = x
      for (let i = 0; i < layers; i++) y = tf.tanh(tf.mul(y, x))
      return tf.sum(y)
    }
    const { message } = failsCleanly(() => tf.variableGrads(loss))
    expect(message).toContain('× float32 [1048576]')
    tf.tidy(() => void tf.variableGrads(() => tf.sum(tf.tanh(x))))
    x.dispose()
  })

  test.each([3, 4, 12])('a gradient of ours, %s layers deep', (layers) => {
    const x = tf.tidy(() => tf.variable(tf.fill([2 * mebi], 0.1)))
    failsCleanly(() =>
      valueAndGradients(() => {
        let y: tf.Tensor = x
        for (let i = 0; i < layers; i++) y = tf.tanh(tf.mul(y, x))
        return tf.sum(y)
      }, [x]),
    )
    x.dispose()
  })
})

test('what will not fit is known without trying', () => {
  const held = tf.fill([8, mebi], 1)
  const before = state()
  engine.require!(30 * mebi, 'a model')
  expect(outOfMemory(() => engine.require!(33 * mebi, 'a model')).message).toContain('34.6 MB asked for (a model)')
  expect(state()).toEqual(before)
  expect(engine.memory().limit).toBe(64 * mebi)
  held.dispose()
})

test('sizes are read in the units that people use', () => {
  const read = (text: string) => memoryFromEnvironment(text).bytes
  expect(['512MiB', '512 MiB', '2GB', '1.5 GiB', '4GiB', '100000kB'].map(read)).toEqual([
    512 * mebi,
    512 * mebi,
    2e9,
    1536 * mebi,
    4096 * mebi,
    1e8,
  ])
  expect(memoryFromEnvironment('')).toEqual({ bytes: 2 ** 32 })
  for (const text of ['lots', '2', '5GiB', '16GB', '1MiB', '-2GB', '2 GB RAM', 'GB']) {
    expect(() => memoryFromEnvironment(text)).toThrow(
      `MIXLAB_MEMORY=${text}: expected a size from 16MiB to 4GiB, such as 512MiB or 2GB`,
    )
  }
  expect(() => new CpuBackend({ memoryLimit: 1024 })).toThrow('memoryLimit is 1024, expected bytes from 16 MiB')
})
