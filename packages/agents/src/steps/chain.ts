// A chain of workers along a long text (Chain-of-Agents, arXiv 2406.02818): worker i reads part i, the query and the note of
// worker i − 1, and writes its note; a manager answers the query from the last note. What is read is the question's text up
// to its last paragraph, which is the query.
import { idAt, type Part } from '../compose.ts'
import { questionMessages, questionText, systemMessage } from '../prompts.ts'
import type { Question } from '../question.ts'
import type { Answer } from '../result.ts'
import type { Step } from '../topology.ts'
import {
  answersPlanned,
  answersSeen,
  oneReply,
  plannedCalls,
  type ReplySettings,
  replyOf,
  replySettings,
} from './ask.ts'

export const workerPrompt = `A long text is read in parts by a chain of readers, in order, to answer a query at the end. You read one part and have the note of the readers before you.
Write the note for the next reader: everything in your part and in the note that helps to answer the query, exact names, numbers and quotes included. Do not answer the query unless it is already certain; then say so in the note.`

export const managerPrompt = `A long text was read in parts by a chain of readers; you have the last reader's note. Answer the query from it, in the form in which it is asked.`

/** The text to read, and the query: the last paragraph with the choices, if any. All of it is the query where there is one paragraph. */
export function splitQuery(question: Question): { readonly source: string; readonly query: string } {
  const paragraphs = question.text.trimEnd().split(/\n\s*\n/)
  const query = questionText({ ...question, text: paragraphs.at(-1)! })
  return { source: paragraphs.slice(0, -1).join('\n\n'), query }
}

/** At most `count` parts of about equal length, cut between sentences, else between words; nothing is lost. */
export function textParts(text: string, count: number): readonly string[] {
  const parts: string[] = []
  let rest = text
  for (let left = count; left > 1 && rest !== ''; left--) {
    const wanted = Math.ceil(rest.length / left)
    const cuts = [...rest.matchAll(/(?<=[.!?]["')\]]?)\s+|\n+/g)].map(({ index, 0: gap }) => index + gap.length)
    const words = [...rest.matchAll(/\s+/g)].map(({ index, 0: gap }) => index + gap.length)
    const near = (places: readonly number[]) => places.find((place) => place >= wanted && place <= wanted * 1.25)
    const cut = near(cuts) ?? near(words) ?? wanted
    parts.push(rest.slice(0, cut))
    rest = rest.slice(cut)
  }
  return rest === '' ? parts : [...parts, rest]
}

const workerText = (part: string, query: string, note: string): string =>
  `Part of the text:\n${part}\n\nNote of the readers before you:\n${note === '' ? '(you are the first)' : note}\n\nQuery:\n${query}`

const managerText = (query: string, note: string): string => `Note:\n${note}\n\nQuery:\n${query}`

/** A layer for each worker, then one for the manager. Workers for whom there is no part pass the note on; without a text the manager is asked alone. */
export const chain =
  (
    workers: readonly string[],
    manager: string,
    settings: ReplySettings & { readonly managing?: ReplySettings } = {},
  ): Part =>
  ({ layer, before }) => {
    const { managing = {}, ...working } = settings
    const steps: Step[] = []
    let last = before
    for (const [index, agent] of workers.entries()) {
      const seen = last
      const step: Step = {
        id: idAt(layer + index, 'worker'),
        kind: 'chain',
        layer: layer + index,
        agents: [agent],
        from: seen.map(({ id }) => id),
        plan(context) {
          const { tokens } = answersPlanned(context)
          const texts = [workerPrompt, workerText('', '', '')]
          return oneReply(plannedCalls(context, agent, { ...working, texts, more: tokens, min: 0, max: 1 }))
        },
        async run({ question, inputs, call }) {
          const { source, query } = splitQuery(question)
          const part = textParts(source, workers.length)[index]
          const notes = answersSeen(inputs)
          if (part === undefined)
            return {
              answers: notes,
              skipped: index === 0 ? 'there is no text to read' : 'there is no further part to read',
            }
          const content = workerText(part, query, joined(notes))
          const messages = [...systemMessage(workerPrompt, working.system), { role: 'user', content } as const]
          const reply = replyOf(await call({ agent, messages, ...replySettings(working) }))
          // A worker that fails loses its part, not what was read before it.
          return reply.answers.length === 0 ? { answers: notes } : reply
        },
      }
      steps.push(step)
      last = [step]
    }
    const managed = layer + workers.length
    const from = last.map(({ id }) => id)
    steps.push({
      id: idAt(managed, 'manager'),
      kind: 'chain',
      layer: managed,
      agents: [manager],
      from,
      plan(context) {
        const { tokens } = answersPlanned(context)
        return oneReply(
          plannedCalls(context, manager, { ...managing, texts: [managerPrompt, managerText('', '')], more: tokens }),
        )
      },
      async run({ question, inputs, call }) {
        const notes = answersSeen(inputs)
        const content = managerText(splitQuery(question).query, joined(notes))
        const messages =
          notes.length === 0
            ? questionMessages(question, managing.system)
            : [
                ...systemMessage(managerPrompt, managing.system),
                ...(question.history ?? []),
                { role: 'user', content } as const,
              ]
        return replyOf(await call({ agent: manager, messages, ...replySettings(managing) }))
      },
    })
    return steps
  }

const joined = (notes: readonly Answer[]): string => notes.map(({ text }) => text).join('\n\n')
