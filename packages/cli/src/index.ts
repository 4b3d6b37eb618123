// The `mixlab` command, for programs that start it in their own process.
export { main } from './main.ts'
