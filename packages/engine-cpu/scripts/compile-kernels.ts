// Compiles assembly/index.ts to generated/kernels.wasm with AssemblyScript's own API. The output replaces the old
// file in one rename, so that a reader never meets half of it.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** What is used of AssemblyScript's compiler. Its own types declare AssemblyScript's globals, which are not ours. */
interface Compiler {
  main(
    options: readonly string[],
    host: {
      stderr: { write(text: string | Uint8Array): boolean }
      readFile(name: string, base: string): Promise<string | null>
      writeFile(name: string, contents: string | Uint8Array): void
      listFiles(): string[]
    },
  ): Promise<{ error: Error | null }>
}

const compiler: string = 'assemblyscript/asc'
const asc = (await import(compiler)) as Compiler

const root = new URL('../', import.meta.url)
const outputs = new Map<string, string | Uint8Array>()
let diagnostics = ''

const { error } = await asc.main(
  [
    'assembly/index.ts',
    '--outFile=kernels.wasm',
    '-O3',
    // Names of functions for profiles and stack traces: 6 kB, and no difference in speed.
    '--debug',
    '--converge',
    '--noAssert',
    '--runtime=stub',
    '--importMemory',
    '--sharedMemory',
    '--initialMemory=2',
    '--maximumMemory=65536',
    '--enable=simd,threads,relaxed-simd,bulk-memory',
    '--use=abort=',
  ],
  {
    stderr: { write: (text) => (diagnostics += String(text)) !== '' },
    readFile: (name, base) =>
      readFile(new URL(name, base === '.' ? root : new URL(`${base}/`, root)), 'utf8').catch(() => null),
    writeFile: (name, contents) => void outputs.set(name, contents),
    listFiles: () => [],
  },
)
const wasm = outputs.get('kernels.wasm')
if (error || !(wasm instanceof Uint8Array)) {
  process.stderr.write(`${diagnostics}\n${error?.message ?? 'the compiler wrote no module'}\n`)
  process.exit(1)
}
const generated = new URL('generated/', root)
await mkdir(generated, { recursive: true })
const temporary = new URL(`kernels.${process.pid}.wasm`, generated)
await writeFile(temporary, wasm)
await rename(temporary, new URL('kernels.wasm', generated))
process.stdout.write(`${fileURLToPath(new URL('kernels.wasm', generated))}: ${wasm.length} bytes\n`)
