// A call's content address: who is asked, what, and which sample of it. Not in it: order of calls, names of agents, steps
// and questions, headers, secrets. The model is (a store without it gives one model's answers to another), and so is the
// sample's number (without it, six samples of one prompt would be one).
import { hash } from 'node:crypto'
import type { ChatRequest } from './chat-model.ts'

const version = 'mixlab-call-1'

const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([, held]) => held !== undefined)
          .toSorted(([a], [b]) => (a < b ? -1 : 1)),
      )
    : value

/** JSON of a request: keys sorted at every depth; a field that is undefined or null is as one that is absent. */
export function canonicalRequest(request: ChatRequest): string {
  const given = Object.entries(request).filter(([, value]) => value !== undefined && value !== null)
  return JSON.stringify(Object.fromEntries(given), sorted)
}

/** 22 characters of base64url: 132 bits of SHA-256. @param request canonical */
export const callKey = (provider: string, model: string, request: string, sample: number): string =>
  hash('sha256', `${JSON.stringify([version, provider, model, sample])}${request}`, 'base64url').slice(0, 22)
