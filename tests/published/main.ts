// What a user of the published packages gets: every package is packed, installed with npm into an empty folder, and the
// README's example runs there, from JavaScript, with the workspace out of sight. `pnpm check:published`, after a build.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'mixlab-published-'))
const run = (cwd: string, command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

try {
  const packages = ['packages', 'plugins'].flatMap((kind) =>
    readdirSync(join(root, kind)).map((name) => join(root, kind, name)),
  )
  const tarballs: Record<string, string> = {}
  for (const path of packages) {
    const { name, version } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<string, string>
    run(path, 'pnpm', 'pack', '--pack-destination', folder)
    tarballs[name!] = `file:${join(folder, `${name!.replace('@', '').replace('/', '-')}-${version}.tgz`)}`
  }
  const { mixlab, ...overrides } = tarballs
  const manifest = { name: 'user', private: true, type: 'module', dependencies: { mixlab }, overrides }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--loglevel=error')

  const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!
  writeFileSync(join(folder, 'my-experiment.ts'), example)
  const bin = join(folder, 'node_modules/mixlab', 'dist/bin.js')
  const output = run(folder, process.execPath, bin, 'run', 'my-experiment.ts', '--set', 'training.steps=5')
  const report = /^report +(\S+)$/m.exec(output)?.[1]
  if (!report || !readFileSync(join(folder, report), 'utf8').includes('<svg')) throw new Error(`no report:\n${output}`)
  const packed = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  console.log(`${packed.length} packages packed, installed into an empty folder, and the README's example ran in it`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
