// The `mixlab` command, for programs that start it in their own process, and how it prints tables.
export { main } from './main.ts'
export { table } from './text.ts'
