// What a mixture of agents is asked.

export interface Question {
  /** Unique in the data set. */
  readonly id: string
  readonly text: string
  /** Earlier turns, for conversations. */
  readonly history?: readonly { readonly role: 'user' | 'assistant'; readonly content: string }[]
  /** The reference answer, in the form that the grader expects. */
  readonly answer?: string
  /** For multiple choice; the answer is then its letter. */
  readonly choices?: readonly string[]
  /** For cluster-robust errors and tables: a subject, a source document. */
  readonly group?: string
}
