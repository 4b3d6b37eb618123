#!/usr/bin/env node
// The `mixlab` command. Everything else is imported once it is known that this Node can run it, and only as far as the
// command needs it: `mixlab --help` loads no tensors. What Node compiles (and strips of types) is kept between processes, of
// which a sweep starts many: it halves their start.
import { enableCompileCache } from 'node:module'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `mixlab: Node ${process.versions.node} is too old: 24 is needed (22.18 works) to run TypeScript scripts\n`,
  )
  process.exit(2)
}
enableCompileCache()
const { main } = await import('./main.ts')
process.exitCode = await main(process.argv.slice(2))
// A script's forgotten timer or socket does not keep the command from ending.
setTimeout(() => process.exit(), 1000).unref()
