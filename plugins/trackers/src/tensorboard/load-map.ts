// What each member of a mixture layer received over the whole run: members down, steps across, a column for each of at
// most 128 stretches of equally many events.
import type { EventOf, RunEvent } from '@mixlab/core'

const columns = 128

type Routing = EventOf<'mixture.routing'>

/** values[member][stretch], by layer. */
export async function loadMaps(events: AsyncIterable<RunEvent>): Promise<Map<number, (number | null)[][]>> {
  const layers = new Map<number, Routing['load'][]>()
  for await (const event of events) {
    if (event.type !== 'mixture.routing') continue
    const loads = layers.get(event.layer)
    if (loads) loads.push(event.load)
    else layers.set(event.layer, [event.load])
  }
  return new Map([...layers].map(([layer, loads]) => [layer, mapOf(loads)]))
}

function mapOf(loads: readonly (readonly number[])[]): (number | null)[][] {
  const stretches = Math.min(columns, loads.length)
  const members = Math.max(...loads.map((load) => load.length))
  const part = (index: number) =>
    loads.slice(Math.floor((index * loads.length) / stretches), Math.floor(((index + 1) * loads.length) / stretches))
  const parts = Array.from({ length: stretches }, (_, index) => part(index))
  return Array.from({ length: members }, (_, member) =>
    parts.map((some) => some.reduce((sum, load) => sum + (load[member] ?? 0), 0) / some.length),
  )
}
