// The contract of graders: how right an answer is. (Evaluators look at models that are trained here; a grader looks at a
// text.) What cannot be parsed is wrong, and counted apart.
import { pluginHelper } from '@mixlab/core'
import type { AgentSettings } from './agent-request.ts'
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

/** What a run keeps of a question's grades: one JSON line a question in `grades.jsonl`. */
export interface QuestionGrades {
  /** Place in the data set, from 0. */
  readonly index: number
  /** Its id. */
  readonly question: string
  readonly text: string
  readonly reference?: string
  readonly group?: string
  /** Of the final answer, by grader; the first one's is what tables show. */
  readonly grades: Readonly<Record<string, Grade>>
  /**
   * Of each step's answers in their order, by the first grader where it asks no model: what agreement, the best of a
   * layer and answers that were lost on the way are told from.
   */
  readonly steps?: Readonly<Record<string, readonly Grade[]>>
}

export interface GraderInput {
  readonly question: Question
  readonly answer: string
  /** For graders that ask a model. Calls are recorded like any other. */
  readonly call: CallAgent
  /** The run's agents, whose settings belong into such a grader's requests (`agentRequest`). */
  readonly agents?: Readonly<Record<string, AgentSettings>>
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
