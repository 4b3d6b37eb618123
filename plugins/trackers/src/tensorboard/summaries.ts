// The kinds of values in a summary (tensorboard/compat/proto/summary.proto), each a field of an `Event`.
import { bytes, double, doubles, type Field, float, integer, message, text } from './protobuf.ts'
import type { Picture } from './png.ts'

const summary = (...value: readonly Field[]): Field => message(5, message(1, ...value))

/** `SummaryMetadata`: which plug-in shows it. */
const metadata = (plugin: string, content?: Uint8Array): Field =>
  message(9, message(1, text(1, plugin), ...(content ? [bytes(2, content)] : [])))

export const scalar = (tag: string, value: number): Field => summary(text(1, tag), float(2, value))

const stringType = 7

export const markdown = (tag: string, value: string): Field =>
  summary(text(1, tag), message(8, integer(1, stringType), message(2), text(8, value)), metadata('text'))

const rgb = 3

export const image = (tag: string, { png, width, height }: Picture): Field =>
  summary(text(1, tag), message(4, integer(1, height), integer(2, width), integer(3, rgb), bytes(4, png)))

const buckets = 30

/** How the values are spread; not more than 30 buckets of equal width. */
export function histogram(tag: string, given: readonly number[]): Field {
  const values = given.filter(Number.isFinite)
  const [min, max] = [Math.min(...values), Math.max(...values)]
  const count = max > min ? buckets : 1
  const width = (max - min) / count
  const counts = Array.from({ length: count }, () => 0)
  for (const value of values) counts[width > 0 ? Math.min(count - 1, Math.floor((value - min) / width)) : 0]!++
  const limits = counts.map((_, index) => (index === count - 1 ? max : min + width * (index + 1)))
  const sum = (of: (value: number) => number) => values.reduce((total, value) => total + of(value), 0)
  return summary(
    text(1, tag),
    message(
      5,
      double(1, min),
      double(2, max),
      double(3, values.length),
      double(
        4,
        sum((value) => value),
      ),
      double(
        5,
        sum((value) => value * value),
      ),
      doubles(6, limits),
      doubles(7, counts),
    ),
  )
}

/** A value of the hyper-parameter plug-in, which is all metadata. */
export const hyperparameters = (tag: string, content: Uint8Array): Field =>
  summary(text(1, tag), metadata('hparams', content))
