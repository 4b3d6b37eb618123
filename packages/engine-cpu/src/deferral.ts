// Elementwise functions of large tensors are not computed when they are called, but when their result is first needed:
// by then a chain of them can run in one pass, and what nobody holds any more is never stored. A pending tensor keeps its
// operands' memory; what writes into a tensor in place first lets those that read it be computed.
import { assembleFused, type FusedForm, type FusedNode, hasRows, keyOf, type Walk } from './native/fused.ts'
import type { Processor } from './native/executable.ts'

/** More nodes than this are not put into one kernel. */
const mostNodes = 14

/** What a tensor's data is to deferral. */
export interface Deferrable {
  readonly size: number
  /** 0 while pending. */
  address: number
  /** Tensors that have it. */
  references: number
  /** Pending results that read it. */
  holds: number
  pending?: Pending | undefined
}

export interface Pending {
  /** Of `unary` or `binary` in src/native/elementwise.ts. */
  readonly name: string
  readonly operands: readonly { readonly data: Deferrable; readonly walk: Walk }[]
  readonly parameters: readonly number[]
  /** Of a row, for operands that are walked by rows or columns; 0 where there are none. */
  readonly width: number
  /** Nodes of the chain that ends here, at most. */
  readonly count: number
}

export interface DeferralHost {
  readonly processor: Processor
  /** Gives memory to data that had none: to all of it, or it throws. */
  allocate(data: readonly Deferrable[]): void
  /** Frees what nobody has or reads any more. */
  free(data: Deferrable): void
  makeExecutable(code: Uint8Array): number
  runCode(address: number, count: number, grain: number, args: readonly number[]): void
}

export class Deferral {
  readonly #host: DeferralHost
  readonly #pending = new Set<Deferrable>()
  /** Addresses of kernels by their form; 0 for forms that need too many registers. */
  readonly #kernels = new Map<string, number>()

  constructor(host: DeferralHost) {
    this.#host = host
  }

  /** Makes data pending. */
  defer(data: Deferrable, pending: Omit<Pending, 'count'>): void {
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
  drop(data: Deferrable): void {
    if (data.pending) this.#settle(data, data.pending)
  }

  /** Lets go of the operands. */
  #settle(data: Deferrable, { operands }: Pending): void {
    data.pending = undefined
    this.#pending.delete(data)
    for (const { data: operand } of operands) {
      operand.holds--
      if (operand.holds === 0 && operand.references === 0) this.#host.free(operand)
    }
  }

  /** Computes pending data, with all of its chain that can run in the same pass. */
  compute(root: Deferrable): void {
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
    this.#host.allocate(outputs)
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

  /** The chain is too much for one kernel: its operands first. */
  #computeApart(root: Deferrable): void {
    for (const { data } of root.pending!.operands) if (data.pending) this.compute(data)
    this.compute(root)
  }

  #kernel(form: FusedForm): number {
    const key = keyOf(form)
    const known = this.#kernels.get(key)
    if (known !== undefined) return known
    let address = 0
    try {
      address = this.#host.makeExecutable(assembleFused(this.#host.processor.set, form))
    } catch (error) {
      // Alone, a function fits the registers.
      if (form.nodes.length === 1) throw error
    }
    this.#kernels.set(key, address)
    return address
  }

  /** The pending operands that run in the root's pass, operands before what reads them; others are computed first. */
  #chain(root: Deferrable) {
    for (;;) {
      const { uses, width, apart } = this.#members(root)
      if (apart.length === 0) return { uses, width, ...describe([...uses.keys()]) }
      for (const data of apart) if (data.pending) this.compute(data)
    }
  }

  #members(root: Deferrable) {
    // In the order in which they were seen last, the root first.
    const order: Deferrable[] = []
    const uses = new Map<Deferrable, number>([[root, 0]])
    const apart: Deferrable[] = []
    let width = root.pending!.width
    const visit = (data: Deferrable): void => {
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
function describe(members: readonly Deferrable[]) {
  const leaves: { data: Deferrable; walk: Walk }[] = []
  const parameters: number[] = []
  const find = (data: Deferrable, walk: Walk) => leaves.findIndex((known) => known.data === data && known.walk === walk)
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
