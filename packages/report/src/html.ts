// HTML by tagged template. Every hole is escaped unless it is itself markup, so that a run's names, messages and
// configuration can hold anything.

export interface Markup {
  readonly markup: string
}

export type Hole = Markup | string | number | false | null | undefined | readonly Hole[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for an element or a quoted attribute; control characters that no HTML may hold become U+FFFD. */
export const escape = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex -- they are the point
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
    .replaceAll(/[&<>"']/g, (character) => entities[character]!)

/** Marks text that is markup already. */
export const raw = (markup: string): Markup => ({ markup })

function render(hole: Hole): string {
  if (hole === false || hole === null || hole === undefined) return ''
  if (typeof hole === 'string') return escape(hole)
  if (typeof hole === 'number') return String(hole)
  if (isList(hole)) return hole.map(render).join('')
  return hole.markup
}

const isList = (hole: Hole): hole is readonly Hole[] => Array.isArray(hole)

export const html = (strings: TemplateStringsArray, ...holes: readonly Hole[]): Markup =>
  raw(strings.reduce((text, part, i) => text + render(holes[i - 1]) + part))

/** What a reader sees of markup: without tags, white space as one space. */
export const plain = ({ markup }: Markup): string =>
  Object.entries(entities)
    .reduceRight((text, [character, entity]) => text.replaceAll(entity, character), markup.replaceAll(/<[^>]*>/g, ''))
    .replaceAll(/[ \n\t]+/g, ' ')
    .trim()
