// TensorFlow.js ships the suite that all of its backends are held to (`dist/tests.js`), as ES modules whose imports have no
// extensions. Here the suite, the core and the engine under test become one file with one core in it: `generated/suite.js`.
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'rolldown'

const require = createRequire(import.meta.url)
const folderOf = (name: string) => dirname(dirname(require.resolve(name)))
const core = '@tensorflow/tfjs-core'
const javascript = '@tensorflow/tfjs-backend-cpu'

function fileOf(path: string): string | undefined {
  const candidates = [path, `${path}.js`, `${path}.ts`, join(path, 'index.js')]
  return candidates.find((file) => existsSync(file) && statSync(file).isFile())
}

/** Makes the bundle; returns its path. */
export async function bundleSuite(): Promise<string> {
  const file = join(import.meta.dirname, 'generated/suite.js')
  await build({
    input: join(import.meta.dirname, 'suite.ts'),
    platform: 'node',
    // The package's own list of side effects leaves out the tests.
    treeshake: false,
    logLevel: 'warn',
    external: [/^node:/, /^jasmine-core/],
    output: { format: 'esm', file, codeSplitting: false, comments: false },
    plugins: [
      {
        name: 'one-core',
        resolveId(source, importer) {
          // The ES modules, where Node would take the CommonJS bundle.
          if (source === core || source === javascript) return { id: join(folderOf(source), 'dist/index.js') }
          if (source.startsWith(`${core}/`)) return { id: join(folderOf(core), source.slice(core.length + 1)) }
          const found = source.startsWith('.') && importer ? fileOf(resolve(dirname(importer), source)) : undefined
          return found ? { id: found } : null
        },
        transform(code, id) {
          // An engine finds its kernels and its workers beside its own files.
          const own = id.endsWith('.ts') && code.includes('import.meta.url')
          return own ? code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)) : null
        },
      },
    ],
  })
  return file
}
