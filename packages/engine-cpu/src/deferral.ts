// Elementwise functions of large tensors are not computed when they are called, but when their result is first needed:
// by then a chain of them can run in one pass, and what nobody holds any more is never stored. A pending tensor keeps its
// operands' memory; what writes into a tensor in place first lets those that read it be computed.
import { assembleFused, type FusedForm, type FusedNode, hasRows, keyOf, type Walk } from './native/fused.ts'
import { makeExecutable } from './native/executable.ts'
import type { InstructionSet } from './native/instructions.ts'

/** More nodes than this are not put into one kernel. */
const mostNodes = 14

/** What a tensor's data is to deferral. */
export interface Deferrable<D = unknown> {
  readonly size: number
  /** 0 while pending. */
  address: number
  /** Tensors that have it. */
  references: number
  /** Pending results that read it. */
  holds: number
  pending?: Pending<D> | undefined
}

export interface Pending<D> {
  /** Of `unary` or `binary` in src/native/elementwise.ts. */
  readonly name: string
  readonly operands: readonly { readonly data: D; readonly walk: Walk }[]
  readonly parameters: readonly number[]
  /** Of a row, for operands that are walked by rows or columns; 0 where there are none. */
  readonly width: number
  /** Nodes of the chain that ends here, at most. */
  readonly count: number
}

export interface DeferralHost<D> {
  readonly set: InstructionSet
  /** Gives memory to data that has none, or throws; and takes it again. */
  place(data: D): void
  unplace(data: D): void
  /** Frees what nobody has or reads any more. */
  free(data: D): void
  /** Runs machine code over [0, count) on the threads. */
  runCode(address: number, count: number, grain: number, args: readonly number[]): void
}

export class Deferral<D extends Deferrable<D>> {
  readonly #host: DeferralHost<D>
  readonly #pending = new Set<D>()
  /** Addresses of kernels by their form; 0 for forms that need too many registers. */
  readonly #kernels = new Map<string, number>()

  constructor(host: DeferralHost<D>) {
    this.#host = host
  }

  /** Makes data pending. */
  defer(data: D, pending: Omit<Pending<D>, 'count'>): void {
    let count = 1
    for (const { data: operand } of pending.operands) {
      if (operand.pending && count + operand.pending.count > mostNodes) this.compute(operand)
      count += operand.pending?.count ?? 0
    }
    for (const { data: operand } of pending.operands) operand.holds++
    data.pending = { ...pending, count }
    this.#pending.add(data)
  }

  /** Computes all that is pending. */
  flush(): void {
    for (const data of this.#pending) if (data.pending) this.compute(data)
  }

  /** Gives up pending data that nobody wants. */
  drop(data: D): void {
    if (data.pending) this.#settle(data, data.pending)
  }

  /** Lets go of the operands. */
  #settle(data: D, { operands }: Pending<D>): void {
    data.pending = undefined
    this.#pending.delete(data)
    for (const { data: operand } of operands) {
      operand.holds--
      if (operand.holds === 0 && operand.references === 0) this.#host.free(operand)
    }
  }

  /** Computes pending data, with all of its chain that can run in the same pass. */
  compute(root: D): void {
    const chain = this.#chain(root)
    const outputs = chain.members.filter(
      (data) => data === root || data.references > 0 || data.holds > chain.uses.get(data)!,
    )
    const form: FusedForm = {
      leaves: chain.leaves.map(({ walk }) => walk),
      nodes: chain.nodes,
      outputs: outputs.map((data) => chain.members.indexOf(data)),
    }
    const address = this.#kernel(form)
    if (address === 0) return this.#computeApart(root)
    this.#placeAll(outputs)
    const rows = hasRows(form)
    const { size } = root
    const width = Math.max(1, chain.width)
    const args = [
      size,
      width,
      ...chain.leaves.map(({ data }) => data.address),
      ...outputs.map((data) => data.address),
      ...chain.parameters,
    ]
    const heavy = chain.nodes.length > 3
    const [count, grain] = rows
      ? [size / width, Math.max(1, Math.floor(8192 / width))]
      : [Math.ceil(size / 2048), heavy ? 2 : 4]
    this.#host.runCode(address, count, grain, args)
    for (const data of outputs) if (data.pending) this.#settle(data, data.pending)
  }

  /** All of them, or none. */
  #placeAll(outputs: readonly D[]): void {
    for (const [i, data] of outputs.entries()) {
      try {
        this.#host.place(data)
      } catch (error) {
        for (const placed of outputs.slice(0, i)) this.#host.unplace(placed)
        throw error
      }
    }
  }

  /** The chain is too much for one kernel: its operands first. */
  #computeApart(root: D): void {
    for (const { data } of root.pending!.operands) if (data.pending) this.compute(data)
    this.compute(root)
  }

  #kernel(form: FusedForm): number {
    const key = keyOf(form)
    const known = this.#kernels.get(key)
    if (known !== undefined) return known
    let address = 0
    try {
      ;[address] = makeExecutable([assembleFused(this.#host.set, form)]) as [number]
    } catch (error) {
      // Alone, a function fits the registers.
      if (form.nodes.length === 1) throw error
    }
    this.#kernels.set(key, address)
    return address
  }

  /** The pending operands that run in the root's pass, operands before what reads them; others are computed first. */
  #chain(root: D) {
    for (;;) {
      const { uses, width, apart } = this.#members(root)
      if (apart.length === 0) return { uses, width, ...describe([...uses.keys()]) }
      for (const data of apart) if (data.pending) this.compute(data)
    }
  }

  #members(root: D) {
    // In the order in which they were seen last, the root first.
    const order: D[] = []
    const uses = new Map<D, number>([[root, 0]])
    const apart: D[] = []
    let width = root.pending!.width
    const visit = (data: D): void => {
      for (const { data: operand, walk } of data.pending!.operands) {
        const known = uses.get(operand)
        if (known !== undefined && walk === 'all') uses.set(operand, known + 1)
        else if (operand.pending) {
          const own = operand.pending.width
          if (walk === 'all' && operand.size === root.size && (own === 0 || width === 0 || own === width)) {
            width ||= own
            uses.set(operand, 1)
            visit(operand)
          } else apart.push(operand)
        }
      }
      order.push(data)
    }
    visit(root)
    return { uses: new Map(order.map((data) => [data, uses.get(data)!])), width, apart }
  }
}

/** The chain as a kernel's form, and what it is called with. */
function describe<D extends Deferrable<D>>(members: readonly D[]) {
  const leaves: { data: D; walk: Walk }[] = []
  const parameters: number[] = []
  const find = (data: D, walk: Walk) => leaves.findIndex((known) => known.data === data && known.walk === walk)
  for (const { pending } of members)
    for (const { data, walk } of pending!.operands)
      if (!data.pending && find(data, walk) < 0) leaves.push({ data, walk })
  const nodes: FusedNode[] = members.map(({ pending }) => {
    const { name, operands, parameters: own } = pending!
    const parameter = own.length > 0 ? parameters.push(...own) - own.length : -1
    const values = operands.map(({ data, walk }) =>
      data.pending ? leaves.length + members.indexOf(data) : find(data, walk),
    )
    return { name, operands: values, parameter }
  })
  return { members, leaves, parameters, nodes }
}
