// The contract of graders: how right an answer is. (Evaluators look at models that are trained here; a grader looks at a
// text.) What cannot be parsed is wrong, and counted apart.
import { pluginHelper } from '@mixlab/core'
import type { CallAgent } from './call.ts'
import type { Question } from './question.ts'

export interface Grade {
  /** 0 to 1. */
  readonly score: number
  readonly correct: boolean
  /** What was found in the text: a number, a letter. Answers with equal ones agree: votes are counted by it. */
  readonly parsed?: string
  /** Nothing could be found: it counts as wrong. */
  readonly unparseable?: boolean
  /** More than one number, for tables: a judge's marks by criterion. */
  readonly details?: Readonly<Record<string, number | string | boolean>>
}

export interface GraderInput {
  readonly question: Question
  readonly answer: string
  /** For graders that ask a model. Calls are recorded like any other. */
  readonly call: CallAgent
}

export interface Grader {
  /** The task's answer in a text, in a form in which equal answers are equal; undefined where there is none. */
  parse?(text: string, question: Question): string | undefined
  grade(input: GraderInput): Promise<Grade>
}

declare module '@mixlab/core' {
  interface PluginKinds {
    grader: { instance: Grader; context: object }
  }
}

/** Defines a grader. */
export const defineGrader = pluginHelper('grader')
