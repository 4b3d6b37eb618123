// The page around a report: head, navigation, sections, numbered figures. What a report says is its own business.
import type { Figure } from './figure.ts'
import { ellipsis } from './format.ts'
import { type Hole, html, type Markup, raw } from './html.ts'

export interface Section {
  readonly id: string
  readonly title: string
  readonly body: Markup
}

/** Nothing when all of its parts are. */
export const section = (id: string, title: string, ...parts: Hole[]): Section | undefined =>
  parts.every((part) => part === undefined || part === false) ? undefined : { id, title, body: html`${parts}` }

/** Draws groups of figures, numbered through the page in the order in which they are drawn. */
export function figureNumbering(): (figures: readonly (Figure | undefined)[]) => Markup | undefined {
  let number = 0
  return (figures) => {
    const present = figures.filter((figure) => figure !== undefined)
    if (present.length === 0) return undefined
    return html`<div class="figures">
      ${present.map((figure) => {
        number++
        return html`<figure id="${figure.id}" class="${figure.width}">
          ${figure.body}
          <figcaption><b>Figure ${number}. ${figure.title}.</b> ${figure.caption}</figcaption>
        </figure>`
      })}
    </div>`
  }
}

export interface HtmlDocument {
  readonly title: string
  readonly styles: string
  readonly script: string
  readonly header: Markup
  readonly sections: readonly Section[]
  /** After the sections: data for the script. */
  readonly data?: Markup
}

export const htmlDocument = ({ title, styles, script, header, sections, data }: HtmlDocument): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="generator" content="mixlab" />
        <title>${ellipsis(title, 120)}</title>
        <link rel="icon" href="data:," />
        <style>
          ${raw(styles)}
        </style>
      </head>
      <body>
        <main>
          <nav>
            <span class="links"
              >${sections.map(({ id, title: name }) => html`<a href="#${id}">${name.split(' ')[0]}</a>`)}</span
            ><button type="button" id="theme" aria-label="Switch between light and dark">Dark</button>
          </nav>
          ${header}
          ${sections.map(
            ({ id, title: name, body }) =>
              html`<section id="${id}">
                <h2>${name}</h2>
                ${body}
              </section> `,
          )}
        </main>
        <div id="tip" role="status" hidden></div>
        ${data}
        <script>
          ${raw(script)}
        </script>
      </body>
    </html> `.markup
