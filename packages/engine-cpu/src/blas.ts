// Float32 products by a BLAS of the machine's (Accelerate, OpenBLAS, MKL, BLIS), which koffi calls by pointer on the
// engine's own memory: for processors that src/native makes no code for. What is given up for its speed is what our own
// kernels promise: how a BLAS sums depends on the shape and the number of threads, so that a row's product may differ in
// its last bits from the same row's in another batch. MIXLAB_BLAS=off keeps the promise.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { isOff, requireKoffi, type Koffi } from './native/executable.ts'
import type { Product } from './products.ts'
import type { WasmMemory } from './web-assembly.ts'

/** A BLAS on an engine's memory. */
export interface Blas {
  /** What it is, and where it was found: `OpenBLAS 0.3.21 (libopenblas.so.0)`. */
  readonly name: string
  /** Computes the products that it can and that are worth a call, on so many threads; the rest is for our own kernels. */
  multiply(products: readonly Product[], threads: number): { readonly done: Product[]; readonly rest: Product[] }
}

type Call = (...args: (number | bigint)[]) => unknown

/** As this thread has loaded it. */
interface Library {
  readonly name: string
  readonly sgemm: Call
  /** Whether it works with threads of its own on processors' cores: Accelerate has units for matrices beside them. */
  readonly shares: boolean
  /** Of the whole process: with several engines, the last word counts. */
  setThreads(threads: number): void
  readonly address: Koffi['address']
}

/** Multiplications from which a call is worth while: below, both are done in half a microsecond. */
const fewest = 1 << 12
/** In a list, a BLAS takes one product after the other, and shares only those among its threads that have so many. */
const fewestOfMany = (threads: number): number => (threads > 2 ? threads << 18 : fewest)
/** Up to so many rows, the matrix on the right is read once; a BLAS that copies it first loses as it leaves the cache. */
const fewRows = 5
const cachedFloats = 1 << 18

/** CBLAS's numbers. */
const layout = { rowMajor: 101, plain: 111, transposed: 112 } as const

const accelerate = '/System/Library/Frameworks/Accelerate.framework/Accelerate'

/**
 * Names for the loader, and folders that it may not know. None is netlib's reference (libcblas.so.3, libblas.so.3),
 * which is slower than our WebAssembly.
 */
const places: Partial<Record<NodeJS.Platform, { readonly names: readonly string[]; readonly folders: string[] }>> = {
  darwin: { names: [accelerate], folders: [] },
  linux: {
    names: ['libopenblas.so.0', 'libmkl_rt.so.3', 'libmkl_rt.so.2', 'libblis.so.4', 'libblis.so', 'libflexiblas.so.3'],
    folders: [
      ...(process.env['CONDA_PREFIX'] ? [join(process.env['CONDA_PREFIX'], 'lib')] : []),
      '/usr/local/lib',
      '/opt/OpenBLAS/lib',
      '/opt/intel/oneapi/mkl/latest/lib',
    ],
  },
  win32: { names: ['libopenblas.dll', 'openblas.dll', 'mkl_rt.2.dll', 'libblis.dll'], folders: [] },
}

/** What a build may put around the names of its functions; `wide` where that says that integers have 64 bits. */
const spellings = [
  { prefix: '', suffix: '', wide: false },
  { prefix: '', suffix: '64_', wide: true },
  { prefix: '', suffix: '_64', wide: true },
  { prefix: 'scipy_', suffix: '', wide: false },
  { prefix: 'scipy_', suffix: '64_', wide: true },
] as const

/**
 * MIXLAB_BLAS (off, auto or a library), or what goes without saying: none where products run in machine code of ours, or
 * where MIXLAB_NATIVE=off asks for WebAssembly's bits; else whatever is found.
 */
export function blasSetting(hasNative: boolean, value = process.env['MIXLAB_BLAS']): string {
  if (isOff(value)) return 'off'
  if (value !== undefined && value !== '') return value
  return hasNative || isOff(process.env['MIXLAB_NATIVE']) ? 'off' : 'auto'
}

/** Loaded once a thread. */
const found = new Map<string, Library | string>()

/**
 * The library that a setting stands for; as text, why there is none.
 * @throws MixlabError where the setting names a library that is none, or not one that can be called
 */
function findLibrary(setting: string): Library | string {
  const known = found.get(setting)
  if (known !== undefined) return known
  const library = setting === 'off' ? 'off' : setting === 'auto' ? look() : loadNamed(setting)
  found.set(setting, library)
  return library
}

function look(): Library | string {
  const { names, folders } = places[process.platform] ?? { names: [], folders: [] }
  const files = folders.flatMap((folder) => names.map((name) => join(folder, name))).filter((file) => existsSync(file))
  let koffi: Koffi
  try {
    koffi = requireKoffi()
  } catch {
    return 'koffi is not installed, or does not load here'
  }
  for (const file of [...names, ...files]) {
    try {
      const library = load(koffi, file)
      if (library) return library
    } catch {
      // Not there, or for another processor.
    }
  }
  if (names.length === 0) return `where to look on ${process.platform} is not known`
  const further = folders.length === 0 ? '' : `; also in ${folders.join(', ')}`
  return `none found (asked the loader for ${names.join(', ')}${further})`
}

function loadNamed(file: string): Library {
  const what = `MIXLAB_BLAS=${file}`
  const wanted = 'expected off, auto, or the file of a library such as OpenBLAS, MKL or BLIS'
  let koffi: Koffi
  try {
    koffi = requireKoffi()
  } catch (cause) {
    const remedy = 'install it, or set MIXLAB_BLAS=off'
    throw new MixlabError(`${what}: koffi, which calls it, is not installed or does not load here; ${remedy}`, {
      cause,
    })
  }
  let library: Library | undefined
  try {
    library = load(koffi, file)
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(
      /^Failed to load shared library: /,
      '',
    )
    throw new MixlabError(`${what} does not load (${reason}); ${wanted}`, { cause })
  }
  if (library) return library
  const names = spellings.map(({ prefix, suffix }) => `${prefix}cblas_sgemm${suffix}`).join(', ')
  throw new MixlabError(`${what} is not a BLAS with C's interface: it has none of ${names}; ${wanted}`)
}

/** Undefined where the library has no product that we can call. */
function load(koffi: Koffi, file: string): Library | undefined {
  prepareEnvironment()
  const library = koffi.load(file)
  const find = (name: string, result: string, parameters: readonly string[]): Call | undefined => {
    try {
      return library.func(name, result, parameters)
    } catch {
      return undefined
    }
  }
  for (const { prefix, suffix, wide } of spellings) {
    const integer = integerType(wide)
    const operand = ['intptr_t', integer]
    const scalars = ['int', 'int', 'int', integer, integer, integer, 'float']
    const parameters = [...scalars, ...operand, ...operand, 'float', ...operand]
    const sgemm = find(`${prefix}cblas_sgemm${suffix}`, 'void', parameters)
    if (!sgemm) continue
    const helper = (name: string, result: string, ...types: string[]) =>
      find(prefix + name + suffix, result, types) ?? find(name, result, types)
    const setThreads =
      helper('openblas_set_num_threads', 'void', 'int') ??
      helper('MKL_Set_Num_Threads', 'void', 'int') ??
      helper('bli_thread_set_num_threads', 'void', 'int64_t') ??
      helper('flexiblas_set_num_threads', 'void', 'int')
    let threadsSet = 0
    return {
      name: file === accelerate ? 'Accelerate' : `${productName(koffi, file, helper)} (${file})`,
      sgemm,
      shares: file !== accelerate,
      setThreads(threads) {
        if (threads === threadsSet) return
        setThreads?.(threads)
        threadsSet = threads
      },
      address: koffi.address,
    }
  }
  return undefined
}

/**
 * Integers travel in 64 bits: a parameter of 32 finds its own in the lower half of the register or of the stack's word,
 * which also serves builds of 64 bits that do not say so in their names. Apple's processors alone pack the stack.
 */
const integerType = (wide: boolean): string =>
  process.platform === 'darwin' && process.arch === 'arm64' && !wide ? 'int32_t' : 'int64_t'

/**
 * What a library can be told by variables only, before it is loaded. Idle threads of OpenBLAS look for work for 2^26
 * cycles, those of MKL (Intel's OpenMP) for 200 ms, on the cores that our own kernels then want: 2^18 cycles are the time
 * that our workers look for it. A user's own variables stay.
 */
function prepareEnvironment(): void {
  const { env } = process
  env['OPENBLAS_THREAD_TIMEOUT'] ??= '18'
  env['KMP_BLOCKTIME'] ??= '0'
  if (process.platform === 'darwin' && env['MIXLAB_THREADS']) env['VECLIB_MAXIMUM_THREADS'] ??= env['MIXLAB_THREADS']
}

function productName(
  koffi: Koffi,
  file: string,
  helper: (name: string, result: string, ...types: string[]) => Call | undefined,
): string {
  const openBlas = helper('openblas_get_config', 'str')
  if (openBlas) return /OpenBLAS \d[\w.]*/.exec(openBlas() as string)?.[0] ?? 'OpenBLAS'
  const mkl = helper('MKL_Get_Version_String', 'void', 'intptr_t', 'int')
  if (mkl) {
    const text = new Uint8Array(256)
    mkl(koffi.address(text), text.length)
    const version = /Version (\d[\d.]*)/.exec(new TextDecoder().decode(text))?.[1]
    return version === undefined ? 'MKL' : `MKL ${version}`
  }
  const blis = helper('bli_info_get_version_str', 'str')
  if (blis) return `BLIS ${blis() as string}`
  return /flexiblas/i.test(file) ? 'FlexiBLAS' : 'a BLAS'
}

/** What `mixlab engines` says of a setting; undefined where nothing is to be said. */
export function blasText(setting: string): string | undefined {
  try {
    const library = findLibrary(setting)
    if (typeof library !== 'string') return `products by ${library.name}`
    return setting === 'off' ? undefined : `no BLAS: ${library}`
  } catch {
    // For `start` to refuse: an engine that is not available is one that `auto` passes over.
    return 'products as MIXLAB_BLAS says'
  }
}

/**
 * The BLAS of a setting on this memory, if there is one.
 * @throws MixlabError where the setting names a library that cannot be used
 */
export function openBlas(setting: string, memory: WasmMemory): Blas | undefined {
  const library = findLibrary(setting)
  if (typeof library === 'string') return undefined
  const base = Number(library.address(new Uint8Array(memory.buffer)))
  return {
    name: library.name,
    multiply(products, threads) {
      library.setThreads(threads)
      const least = products.length > 1 && library.shares ? fewestOfMany(threads) : fewest
      const done: Product[] = []
      const rest: Product[] = []
      for (const product of products) (multiplyOne(library, base, least, product) ? done : rest).push(product)
      return { done, rest }
    },
  }
}

function multiplyOne({ sgemm }: Library, base: number, least: number, product: Product): boolean {
  const { left, right, result, m, n, k, leftRow, leftDepth, rightDepth, rightColumn, resultRow } = product
  if (m * n * k < least || (m <= fewRows && n * k > cachedFloats) || resultRow < n) return false
  const a = arrange(m, k, leftRow, leftDepth)
  const b = arrange(k, n, rightDepth, rightColumn)
  if (!a || !b) return false
  const operands = [base + left, a.leading, base + right, b.leading]
  sgemm(layout.rowMajor, a.flag, b.flag, m, n, k, 1, ...operands, 0, base + result, resultRow)
  return true
}

/** CBLAS's words for an operand of rows × columns; undefined where neither stride is one. */
function arrange(rows: number, columns: number, rowStride: number, columnStride: number) {
  if (columnStride === 1 && rowStride >= columns) return { flag: layout.plain, leading: rowStride }
  if (rowStride === 1 && columnStride >= rows) return { flag: layout.transposed, leading: columnStride }
  return undefined
}
