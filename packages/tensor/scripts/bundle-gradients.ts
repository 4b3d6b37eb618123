// Makes generated/gradients.js: TensorFlow.js's gradients and chained operations (`x.add(y)`), which its CommonJS bundle,
// the one that Node loads, leaves out. They exist only as ES modules whose imports have no extensions. Here they are
// bundled against that CommonJS bundle: a module whose exports the package exports too is replaced by a re-export, so
// that there is one core in the process and the bundle holds little more than the gradient functions themselves.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const core = '@tensorflow/tfjs-core'
const packageFolder = resolve(fileURLToPath(import.meta.url), '../..')
const require = createRequire(import.meta.url)
const modules = dirname(require.resolve(core))
const coreExports = require(core) as Record<string, object>
const exported = new Set(Object.keys(coreExports))

const gradients = 'register_all_gradients.js'
const chained = 'public/chained_ops/register_all_chained_ops.js'
const entry = '\0entry'

const everything = `export { ${[...exported].join(', ')} } from '${core}'`

// Modules with state or classes: never a second copy.
const shims: Readonly<Record<string, string>> = {
  'engine.js': `import { engine } from '${core}'; export const ENGINE = engine()`,
  'tensor.js': `import { Tensor } from '${core}'; export { Tensor }; export const getGlobalTensorClass = () => Tensor`,
  'environment.js': `export { env } from '${core}'`,
  'util.js': `import { util } from '${core}'; export const { ${Object.keys(coreExports['util']!).join(', ')} } = util`,
  'base.js': everything,
  'ops/ops.js': everything,
}

/** The names that an ES module of TensorFlow.js exports, or undefined where it re-exports other modules. */
function exportNames(source: string): string[] | undefined {
  if (/^export (?:\*|\{[^}]*\} from)/m.test(source)) return undefined
  const declared = source.matchAll(/^export (?:const|let|var|function|class|async function) (\w+)/gm)
  const listed = source.matchAll(/^export \{([^}]*)\}/gm)
  return [
    ...[...declared].map((match) => match[1]!),
    ...[...listed].flatMap((match) => match[1]!.split(',').map((name) => name.trim())),
  ]
}

const result = await build({
  input: entry,
  platform: 'node',
  write: false,
  logLevel: 'warn',
  output: {
    format: 'esm',
    comments: false,
    banner: '/* @license TensorFlow.js, Copyright Google LLC, Apache License 2.0 */',
  },
  plugins: [
    {
      name: 'one-core',
      resolveId(source, importer) {
        if (source === entry) return entry
        if (source === core) return { id: core, external: true }
        if (!source.startsWith('.')) return null
        const from = importer === undefined || importer === entry ? modules : dirname(importer)
        const path = resolve(from, source)
        for (const file of [path, `${path}.js`, join(path, 'index.js')]) {
          // The package's own list of side effects does not reach a custom resolver: registrations must stay.
          if (file.endsWith('.js') && existsSync(file)) {
            const name = relative(modules, file)
            return { id: file, moduleSideEffects: name === gradients || name.startsWith('public/') }
          }
        }
        throw new Error(`bundle-gradients: ${importer} imports ${source}, which is not in ${core}`)
      },
      load(id) {
        if (id === entry) return `import './${gradients}'; import './${chained}'`
        const name = relative(modules, id)
        if (shims[name] !== undefined) return shims[name]
        const source = readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '')
        const names = exportNames(source)
        if (names !== undefined && names.length > 0 && names.every((each) => exported.has(each))) {
          return `export { ${names.join(', ')} } from '${core}'`
        }
        return source
      },
    },
  ],
})

const code = result.output[0].code
for (const copied of ['class Engine ', 'class Tensor ', 'class Environment ']) {
  if (code.includes(copied)) throw new Error(`bundle-gradients: the bundle holds a second copy of ${copied.trim()}`)
}
const folder = join(packageFolder, 'generated')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'gradients.js'), code)
// The chained operations are declared by augmentation of the Tensor class, module by module.
writeFileSync(join(folder, 'gradients.d.ts'), `import '${core}/dist/${chained}'\n`)
