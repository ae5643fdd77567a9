import type { Dispatch, Program } from '../../compiler/ir/program.js'

/** What threads share out: one dispatch, or several small ones that follow from each other and that one thread runs in a row. */
export interface Segment {
  readonly dispatches: readonly Dispatch[]
  /** How many of the segments before it must be finished when it starts. */
  readonly after: number
}

export const itemsOf = ({ workgroups: [x, y, z] }: Dispatch): number => x * y * z
const isSmall = (d: Dispatch): boolean => itemsOf(d) <= (d.grain ?? 1)

/** A program's segments. Dispatches that touch different memory may overlap; those without items are left out. */
export function schedule(program: Program): Segment[] {
  const hazards = createHazards(program)
  const segments: { readonly dispatches: Dispatch[]; after: number }[] = []
  for (const d of program.dispatches) {
    if (itemsOf(d) === 0) continue
    const before = hazards.of(d)
    const last = segments.length - 1
    const inRow = isSmall(d) && last >= 0 && before.includes(last) && segments[last].dispatches.every(isSmall)
    const after = before.reduce((n, s) => (inRow && s === last ? n : Math.max(n, s + 1)), 0)
    if (inRow) {
      segments[last].dispatches.push(d)
      segments[last].after = Math.max(segments[last].after, after)
    } else segments.push({ dispatches: [d], after })
    hazards.add(d, segments.length - 1)
  }
  return segments
}

interface Hazards {
  /** Segments that must come before a dispatch: they write what it touches, or read what it writes. */
  of(dispatch: Dispatch): number[]
  add(dispatch: Dispatch, segment: number): void
}

function createHazards({ kernels, buffers }: Program): Hazards {
  /** By memory: who wrote it last, and who reads that. */
  const users = new Map<string, { readonly writer?: number; readonly readers: number[] }>()
  /** The memory that a dispatch touches, and whether it writes there. Buffers that share a slot are one. */
  const touched = ({ kernel, buffers: numbers }: Dispatch): [string, boolean][] =>
    numbers.map((number, i) => {
      const buffer = buffers[number]
      const memory = buffer.kind === 'temp' ? `slot ${buffer.slot}` : `buffer ${number}`
      return [memory, kernels[kernel].bindings[i] === 'read_write']
    })
  return {
    of(dispatch) {
      return touched(dispatch).flatMap(([memory, writes]) => {
        const { writer, readers } = users.get(memory) ?? { readers: [] }
        return [...(writer === undefined ? [] : [writer]), ...(writes ? readers : [])]
      })
    },
    add(dispatch, segment) {
      for (const [memory, writes] of touched(dispatch)) {
        const use = users.get(memory)
        if (writes) users.set(memory, { writer: segment, readers: [] })
        else if (use) use.readers.push(segment)
        else users.set(memory, { readers: [segment] })
      }
    },
  }
}
