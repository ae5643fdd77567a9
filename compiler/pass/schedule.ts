import type { Var } from '../ir/types.js'
import { madeBy, readsOf, takesOf } from './lives.js'
import { bytesOf } from './plan.js'
import type { Region, RegionStep } from './region.js'

/**
 * Steps in an order in which less is held at once. List scheduling, as compilers do it for registers (Goodman and Hsu, "Code
 * scheduling and register allocation in large basic blocks", 1988), with bytes for registers: what frees at least as much as it
 * allocates is run at once, else the order stays. From the front this brings readers to what they read; from the back, makers
 * to what reads them. The best of these and of the order as given is taken, the first of equals. Linear but for a heap.
 *
 * Only the outermost steps move: in a loop's body the order also says what can be written over what the loop carries.
 */
export function schedule(region: Region, donated: ReadonlySet<number>): Region {
  const net = netOf(region, donated)
  const given = region.steps.map((_, i) => i)
  const forth = listed(net, given, false)
  const orders = [forth, listed(net, given, true), listed(net, forth, true)]
  let best: readonly number[] = given
  let least = peakOf(net, given)
  for (const order of orders) {
    const peak = peakOf(net, order)
    if (peak < least) [best, least] = [order, peak]
  }
  return best === given ? region : { fn: region.fn, steps: best.map((i) => region.steps[i]) }
}

/** Steps by number: which come after which, and the memory that they touch. */
interface Net {
  readonly after: readonly (readonly number[])[]
  readonly before: readonly (readonly number[])[]
  readonly memories: readonly Memory[]
  /** Memories that a step touches. */
  readonly of: readonly (readonly number[])[]
}
/** Held from the first step that touches it to the last, an output to the end. */
interface Memory {
  readonly bytes: number
  readonly steps: readonly number[]
  readonly isOutput: boolean
}

function netOf({ fn, steps }: Region, donated: ReadonlySet<number>): Net {
  const names = new Map<Var, Var>()
  const nameOf = (v: Var): Var => names.get(v) ?? v
  const maker = new Map<Var, number>()
  const touching = new Map<Var, Set<number>>()
  const after = steps.map(() => new Set<number>())
  /** Whose memory is written again: the step that reads it last still has to. */
  const overwritten = new Set(fn.inputs.filter((_, i) => donated.has(i)))
  const readers = new Map<Var, number[]>()
  const reads = (step: RegionStep): readonly Var[] => (step.kind === 'same' ? step.values : readsOf(step))
  /** Which value's memory it is. */
  const first = new Map<Var, Var>()
  const memoryOf = (v: Var): Var => first.get(nameOf(v)) ?? nameOf(v)
  const touch = (v: Var, i: number): unknown => touching.get(memoryOf(v))?.add(i)
  const free = new Set(overwritten)
  const outputs = new Set<Var>()
  const wanted = new Set(fn.outputs)
  steps.forEach((step, i) => {
    for (const v of new Set(reads(step))) {
      const from = maker.get(v)
      if (from !== undefined) after[from].add(i)
      const at = readers.get(nameOf(v))
      if (at) at.push(i)
      else readers.set(nameOf(v), [i])
      touch(v, i)
    }
    if (step.kind === 'same')
      step.names.forEach((v, k) => {
        names.set(v, nameOf(step.values[k]))
        maker.set(v, i)
      })
    for (const [from, to] of takesOf(step)) {
      overwritten.add(nameOf(from))
      first.set(to, memoryOf(from))
    }
    for (const v of madeBy(step)) {
      maker.set(v, i)
      // A donated input's memory is there already.
      const over = wanted.has(v) && reads(step).find((x) => free.has(x) && isAlike(x, v))
      if (over) free.delete(over)
      else if (!first.has(v)) touching.set(v, new Set([i]))
      touch(v, i)
    }
  })
  for (const v of overwritten) {
    const at = readers.get(v) ?? []
    for (const i of at.slice(0, -1)) after[i].add(at[at.length - 1])
  }
  for (const v of fn.outputs) outputs.add(memoryOf(v))

  const before: number[][] = steps.map(() => [])
  after.forEach((to, i) => {
    for (const j of to) before[j].push(i)
  })
  const of: number[][] = steps.map(() => [])
  const memories = [...touching].map(([v, at], n): Memory => {
    for (const i of at) of[i].push(n)
    return { bytes: bytesOf(v), steps: [...at], isOutput: outputs.has(v) }
  })
  return { after: after.map((s) => [...s]), before, memories, of }
}

const isAlike = (x: Var, v: Var): boolean => x.aval.dtype === v.aval.dtype && bytesOf(x) === bytesOf(v)

/** An order of the steps from the front, or found from the back, that keeps to `base` where nothing is to be freed. */
function listed(net: Net, base: readonly number[], backwards: boolean): readonly number[] {
  const { memories, of } = net
  const [later, earlier] = backwards ? [net.before, net.after] : [net.after, net.before]
  const from = backwards ? [...base].reverse() : base
  const rank: number[] = []
  from.forEach((i, n) => {
    rank[i] = n
  })
  const waits = earlier.map((s) => s.length)
  const left = memories.map((m) => m.steps.length)
  const isDone = waits.map(() => false)
  const [ready, freeing] = [heap(), heap()]
  /** Bytes that are held after step `i` and were not before. */
  const gain = (i: number): number =>
    of[i].reduce((sum, n) => {
      const { bytes, steps, isOutput } = memories[n]
      const begins = left[n] === steps.length && !(backwards && isOutput)
      const ends = left[n] === 1 && (backwards || !isOutput)
      return sum + (begins ? bytes : 0) - (ends ? bytes : 0)
    }, 0)
  const offer = (i: number): void => {
    if (!isDone[i] && waits[i] === 0 && gain(i) <= 0) freeing.push(rank[i])
  }
  const next = (): number | undefined => {
    for (const queue of [freeing, ready])
      for (let n = queue.pop(); n !== undefined; n = queue.pop()) if (!isDone[from[n]]) return from[n]
    return undefined
  }
  waits.forEach((n, i) => {
    if (n > 0) return
    ready.push(rank[i])
    offer(i)
  })
  const order: number[] = []
  for (let i = next(); i !== undefined; i = next()) {
    isDone[i] = true
    order.push(i)
    for (const n of of[i]) {
      const { steps } = memories[n]
      left[n]--
      // What a step would free changes only as memory is first and last but once touched.
      if (left[n] === steps.length - 1 || left[n] === 1) steps.forEach(offer)
    }
    for (const j of later[i])
      if (--waits[j] === 0) {
        ready.push(rank[j])
        offer(j)
      }
  }
  return backwards ? order.reverse() : order
}

/** The most bytes held at once. */
function peakOf({ memories, of }: Net, order: readonly number[]): number {
  const left = memories.map((m) => m.steps.length)
  let live = 0
  let peak = 0
  for (const i of order) {
    for (const n of of[i]) if (left[n] === memories[n].steps.length) live += memories[n].bytes
    peak = Math.max(peak, live)
    for (const n of of[i]) if (--left[n] === 0 && !memories[n].isOutput) live -= memories[n].bytes
  }
  return peak
}

/** Numbers, the least first out. */
function heap(): { push(n: number): void; pop(): number | undefined } {
  const items: number[] = []
  const swap = (a: number, b: number): void => {
    ;[items[a], items[b]] = [items[b], items[a]]
  }
  return {
    push(n) {
      items.push(n)
      for (let i = items.length - 1; i > 0; ) {
        const up = (i - 1) >> 1
        if (items[up] <= items[i]) return
        swap(i, up)
        i = up
      }
    },
    pop() {
      const least = items[0]
      const last = items.pop()
      if (items.length === 0 || last === undefined) return last
      items[0] = last
      for (let i = 0; ; ) {
        const [l, r] = [2 * i + 1, 2 * i + 2]
        const child = r < items.length && items[r] < items[l] ? r : l
        if (child >= items.length || items[i] <= items[child]) return least
        swap(i, child)
        i = child
      }
    },
  }
}
