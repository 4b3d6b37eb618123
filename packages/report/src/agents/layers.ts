// The layers of each arm: drawn as they ran, and how their members worked together.
import { armHeading } from '../figures/arm-heading.ts'
import type { Figure } from '../figure.ts'
import { fixed, percent, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { armHead, heading, isBinary, scoreText } from './comparison.ts'
import { layerDiagram } from './layer-diagram.ts'
import { COPIES_MEASURED, type LayerTally } from './layer-tally.ts'
import type { AgentArm, AgentView } from './view.ts'

const DIAGRAMS = 12

export function layerDiagrams({ arms }: AgentView): Figure | undefined {
  // One step without inputs is no picture.
  const drawn = arms.filter(({ steps }) => steps.length > 1)
  if (drawn.length === 0) return undefined
  const shown = drawn.slice(0, DIAGRAMS)
  const all = arms.map(({ arm }) => arm)
  return {
    id: 'layer-diagrams',
    title: 'Who saw whom',
    caption: `Each box is a step with its calls over all questions, mean tokens and median time of a call, and how often its answers were right; red is what it had to do without. The bar below is its share of the arm’s tokens. Lines lead from a step to those that saw its answers; point at a box to see its own.${shown.length < drawn.length ? ` The first ${shown.length} of ${drawn.length} arms.` : ''}`,
    body: html`<div class="diagrams">
      ${shown.map(
        (one) =>
          html`<div class="arm-block">
            ${armHeading(one.arm, all, one.arm.runs[0]!.record.seed)}${layerDiagram(one)}
          </div>`,
      )}
    </div>`,
    width: 'full',
  }
}

const share = (part: number, of: number): Markup =>
  of === 0
    ? html`<td class="none">–</td>`
    : html`<td data-sort="${part / of}" title="${whole(part)} of ${whole(of)}">${percent(part / of, 1)}</td>`

/** The step of the layer whose answers were right most often. */
function bestStep({ steps }: AgentArm, layer: LayerTally): number | undefined {
  const graded = steps.filter((step) => step.layer === layer.layer && step.graded > 0)
  return graded.length === 0 ? undefined : Math.max(...graded.map(({ right, graded: n }) => right / n))
}

/** Only arms with more than one step have anything to work together on. */
export function collaborationTable(view: AgentView): Markup | undefined {
  const arms = view.arms.filter(({ steps }) => steps.length > 1)
  if (arms.length === 0) return undefined
  const graded = arms.some(({ layers }) => layers.some((layer) => layer.graded > 0))
  const binary = isBinary(view)
  const rows = arms.flatMap((one) => {
    const first = one.layers.find((layer) => layer.graded > 0)
    return one.layers.map((layer, i) => {
      const best = first && bestStep(one, first)
      const last = i === one.layers.length - 1
      return html`<tr data-arm="${one.arm.index}">
        ${armHead(one)}
        <td class="text" data-sort="${layer.layer}">
          ${layer.layer} <span class="soft">${[...layer.kinds].join(', ')} × ${layer.steps.size}</span>
        </td>
        <td data-sort="${layer.answers}">${whole(layer.answers)}</td>
        <td data-sort="${layer.missing}" ${layer.missing > 0 && html`class="bad"`}>${whole(layer.missing)}</td>
        ${
          graded &&
          html`${share(layer.right, layer.graded)}${layer.pairs === 0 ? html`<td class="none">–</td>` : share(layer.anyRight, layer.questions)}${share(layer.differing, layer.pairs)}${share(layer.lost, layer.rightInView)}${share(layer.rescued, layer.wrongInView)}${share(layer.ownLost, layer.ownRight)}`
        }
        ${layer.copies === 0 ? html`<td class="none">–</td>` : html`<td data-sort="${layer.copied / layer.copies}">${percent(layer.copied / layer.copies, 0)}</td>`}
        ${
          graded &&
          (last && best !== undefined && one.score && first !== layer && binary
            ? html`<td
                data-sort="${one.score.mean - best}"
                title="${scoreText(one.score.mean, binary)} minus ${scoreText(best, binary)}"
              >
                ${one.score.mean > best && '+'}${fixed(100 * (one.score.mean - best), 1)}
              </td>`
            : html`<td class="none">–</td>`)
        }
      </tr>`
    })
  })
  return html`<h3>Working together</h3>
    <div class="scroll">
      <table class="sortable small">
        <thead>
          <tr>
            ${heading('Arm', 'What was compared', 'text')}${heading('Layer', 'With its kinds of steps', 'text')}
            ${heading('Answers', 'Given, over all questions')}${heading('Missing', 'Not given')}
            ${
              graded &&
              html`${heading('Right', 'Of the layer’s graded answers')}${heading('One right', 'Questions with at least one right answer in the layer: what a perfect choice among them would reach')}${heading('Disagree', 'Pairs of answers to one question that were parsed differently')}${heading('Lost', 'Answers that are wrong though a right one was in view')}${heading('Rescued', 'Answers that are right though none in view was')}${heading('Gave up', 'Answers that are wrong by an agent that was right in an earlier layer')}`
            }
            ${heading('Copied', 'Share of the answer’s 4-word sequences that stand in the seen answer closest to it')}
            ${graded && heading('Lift', 'Points of the arm’s accuracy over that of the best step of its first layer (the best in hindsight, which flatters that step)')}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    <p class="note">
      ${
        graded
          ? 'Right and wrong of the answers on the way by the first grader.'
          : 'These runs keep grades of the final answers alone, so that agreement and the answers that were lost are not known.'
      }
      Copying is measured on the first ${COPIES_MEASURED} questions. A dash: nothing to measure there.
    </p>`
}
