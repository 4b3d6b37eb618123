// Points out, in a drawing of layers, what the step under the pointer saw and who saw it.

export const diagramScript = String.raw`for (const svg of document.querySelectorAll('.plot.layers')) {
  const light = (box) => {
    svg.classList.toggle('lit', box !== undefined)
    for (const edge of svg.querySelectorAll('.edge')) edge.classList.toggle('hot', edge.dataset.to === box || edge.dataset.from === box)
    const near = new Set([box, ...[...svg.querySelectorAll('.edge.hot')].flatMap((edge) => [edge.dataset.from, edge.dataset.to])])
    for (const other of svg.querySelectorAll('.box')) other.classList.toggle('hot', near.has(other.dataset.box))
  }
  for (const box of svg.querySelectorAll('.box')) {
    box.addEventListener('pointerenter', () => light(box.dataset.box))
    box.addEventListener('pointerleave', () => light(undefined))
  }
}
`
