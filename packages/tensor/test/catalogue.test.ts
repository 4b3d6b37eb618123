import { useEngine } from '../src/index.ts'
import { checkOperations } from './check-operations.ts'

checkOperations('reference', () => useEngine('reference'))
