// Takes a message apart into what stands word for word in earlier texts and what does not. It serves two ends: a page
// shows which answer of whom a message quotes, and each text is stored once although every later prompt repeats it.

/** A piece of a message: text of its own, or the place of a known text. */
export type Piece = string | number

export interface Known {
  readonly text: string
  readonly place: number
}

/** Shorter texts are found by chance. */
const LEAST = 12

/** From left to right, at each place the longest known text; the pieces together are `content`. */
export function piecesOf(content: string, known: readonly Known[]): Piece[] {
  const found = known
    .filter(({ text }) => text.length >= LEAST)
    .flatMap((one) => {
      const places: { at: number; one: Known }[] = []
      for (let at = content.indexOf(one.text); at >= 0; at = content.indexOf(one.text, at + one.text.length))
        places.push({ at, one })
      return places
    })
    .toSorted((a, b) => a.at - b.at || b.one.text.length - a.one.text.length)
  const pieces: Piece[] = []
  let done = 0
  for (const { at, one } of found) {
    if (at < done) continue
    if (at > done) pieces.push(content.slice(done, at))
    pieces.push(one.place)
    done = at + one.text.length
  }
  if (done < content.length) pieces.push(content.slice(done))
  return pieces
}
