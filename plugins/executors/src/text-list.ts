// A list of texts in a configuration. On the command line `gpus=0,1`, `gpus=0` and `gpus=["0","1"]` are all lists.
import { z } from 'zod'

const text = z.union([z.string(), z.number()])

export const textList = z.union([z.array(text), text]).default([])

/** @returns the texts, apart at commas */
export const textsOf = (list: z.output<typeof textList>): string[] =>
  (Array.isArray(list) ? list : [list])
    .flatMap((item) => String(item).split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '')
