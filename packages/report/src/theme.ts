// Colours for both themes. Everything drawn refers to CSS variables, so that one SVG serves light and dark. The arm
// colours keep apart under the three kinds of colour blindness and stand out from the page (test/theme.test.ts measures
// both); the heat maps' scales go through the page's own tone at "nothing special".

export interface Theme {
  readonly page: string
  readonly card: string
  readonly ink: string
  readonly soft: string
  readonly faint: string
  readonly rule: string
  readonly accent: string
  readonly arms: readonly string[]
  /** Below, at and above the baseline; odd in number. */
  readonly diverging: readonly string[]
  /** From nothing to most. */
  readonly sequential: readonly string[]
  readonly cellInk: string
  readonly cellInkStrong: string
  readonly bad: string
}

export const light: Theme = {
  page: '#fbfaf7',
  card: '#ffffff',
  ink: '#1d2126',
  soft: '#545b64',
  faint: '#6a7079',
  rule: '#e4e1da',
  accent: '#0b62a8',
  arms: ['#0853aa', '#c87500', '#0c8d6e', '#9c1374', '#43453b', '#9668ec', '#4994dd', '#914e0c'],
  diverging: [
    '#174a7e',
    '#2f74b3',
    '#6ba6d3',
    '#a9cce6',
    '#d8e7f0',
    '#f3f1eb',
    '#fae2cb',
    '#f5bf8d',
    '#e88f4d',
    '#cc621f',
    '#963f0d',
  ],
  sequential: ['#f3f1eb', '#dfe9e6', '#c1dcd9', '#98cac8', '#68b2b5', '#3f969f', '#267885', '#195a68', '#0f3d4a'],
  cellInk: '#2a2f35',
  cellInkStrong: '#ffffff',
  bad: '#b3261e',
}

export const dark: Theme = {
  page: '#15171a',
  card: '#1b1e22',
  ink: '#e8e6e1',
  soft: '#b1b4b8',
  faint: '#8b9097',
  rule: '#2f3338',
  accent: '#6db5f2',
  arms: ['#4b8bdb', '#e49e56', '#3bc490', '#e366ac', '#e1ded7', '#836cfc', '#99d3f3', '#ac8a1f'],
  diverging: [
    '#6ca8d9',
    '#4f8dc0',
    '#39719f',
    '#2d567b',
    '#2a4056',
    '#282b2f',
    '#493a2e',
    '#74502f',
    '#a4672f',
    '#cf8740',
    '#f0ac66',
  ],
  sequential: ['#282b2f', '#25383d', '#254a50', '#276168', '#2f7b82', '#45979b', '#69b3b2', '#98cec9', '#cdeae4'],
  cellInk: '#dedcd7',
  cellInkStrong: '#14171a',
  bad: '#ff8a80',
}

const variables = (theme: Theme, scheme: 'light' | 'dark'): string =>
  [
    `color-scheme:${scheme}`,
    ...(['page', 'card', 'ink', 'soft', 'faint', 'rule', 'accent', 'bad'] as const).map(
      (key) => `--${key}:${theme[key]}`,
    ),
    `--cell-ink:${theme.cellInk}`,
    `--cell-ink-strong:${theme.cellInkStrong}`,
    ...theme.arms.map((colour, i) => `--arm-${i}:${colour}`),
    ...theme.diverging.map((colour, i) => `--d${i}:${colour}`),
    ...theme.sequential.map((colour, i) => `--s${i}:${colour}`),
  ].join(';')

export const ARM_COLOURS = light.arms.length
export const DIVERGING_LEVELS = light.diverging.length
export const SEQUENTIAL_LEVELS = light.sequential.length

/** The colour of an arm; beyond the palette it repeats, with dashes (see `armDash`). */
export const armColour = (index: number): string => `var(--arm-${index % ARM_COLOURS})`

/** Tells apart arms that share a colour. */
export const armDash = (index: number): string | undefined =>
  [undefined, '5 3', '1.5 2.5', '8 3 1.5 3'][Math.floor(index / ARM_COLOURS) % 4]

/** The custom properties: what the system prefers, unless the reader chose (`data-theme` on the root element). */
export const themeVariables = (): string =>
  [
    `:root{${variables(light, 'light')}}`,
    `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${variables(dark, 'dark')}}}`,
    `:root[data-theme=dark]{${variables(dark, 'dark')}}`,
    ...light.diverging.map((_, i) => `.d${i}{fill:var(--d${i})}`),
    ...light.sequential.map((_, i) => `.s${i}{fill:var(--s${i})}`),
  ].join('\n')
