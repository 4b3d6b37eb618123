// Observable Plot on linkedom: a figure is an SVG string. Plot's own style element and generated class names are taken
// off (the page styles all figures at once, and two renderings of the same data are the same bytes). What the script in
// the page needs to answer a pointer stands in data attributes.
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { type Markup, raw } from './html.ts'

/** The part of the DOM that is used here; the workspace is typed without the browser's library. */
export interface SvgNode {
  setAttribute(name: string, value: string): void
  removeAttribute(name: string): void
  appendChild(child: SvgNode): unknown
  querySelector(selector: string): SvgNode | null
  remove(): void
  textContent: string | null
  readonly outerHTML: string
}

export interface SvgDocument {
  createElementNS(namespace: string, name: string): SvgNode
}

const { document } = parseHTML('<!doctype html><html><body></body></html>') as unknown as { document: SvgDocument }

export const svgElement = (name: string, attributes: Readonly<Record<string, string | number>> = {}): SvgNode => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value))
  return node
}

export interface FigureOptions extends Plot.PlotOptions {
  readonly width: number
  readonly height: number
  /** For those who cannot see it: what is drawn. */
  readonly description: string
  readonly kind: 'lines' | 'cells' | 'trials' | 'other'
  readonly data?: Readonly<Record<string, string>>
}

/** Coordinates to a tenth of a unit: enough at any zoom, and a third smaller. */
const rounded = (markup: string): string =>
  markup.replaceAll(/(\sd|\stransform)="([^"]*)"/g, (_, name: string, value: string) => {
    return `${name}="${value.replaceAll(/-?\d+\.\d{2,}/g, (digits) => String(Number(Number(digits).toFixed(1))))}"`
  })

/** Renders a plot to one `<svg>` element. */
export function drawFigure({ description, kind, data = {}, ...options }: FigureOptions): Markup {
  const drawn = Plot.plot({
    ...options,
    document,
    className: 'plot',
    style: { fontSize: '11px', overflow: 'visible' },
  }) as unknown as SvgNode
  drawn.querySelector('style')?.remove()
  for (const name of ['width', 'height', 'fill', 'font-size', 'font-family', 'text-anchor']) drawn.removeAttribute(name)
  drawn.setAttribute('class', `plot ${kind}`)
  drawn.setAttribute('role', 'img')
  drawn.setAttribute('aria-label', description)
  drawn.setAttribute('style', `max-width:${Math.round(options.width * 1.12)}px`)
  for (const [name, value] of Object.entries(data)) drawn.setAttribute(`data-${name}`, value)
  return raw(rounded(drawn.outerHTML))
}
