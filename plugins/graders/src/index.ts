// Graders: one file each.
import { contains } from './contains.ts'
import { exactMatch } from './exact-match.ts'
import { gsm8k } from './gsm8k.ts'
import { judge } from './judge.ts'
import { multipleChoice } from './multiple-choice.ts'

export { contains, exactMatch, gsm8k, judge, multipleChoice }

/** All of them, for a lab's defaults. */
export const graders = [gsm8k, exactMatch, contains, multipleChoice, judge]
