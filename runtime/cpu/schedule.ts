import type { Dispatch, Program, Step } from '../../compiler/ir/program.js'

/**
 * What threads share out: one dispatch, or several small ones that follow from each other and that one thread runs in a row,
 * or control flow.
 */
export interface Segment {
  readonly work: readonly Dispatch[] | Exclude<Step, number>
  /** How many of the segments before it must be finished when it starts. */
  readonly after: number
}

export const itemsOf = ({ workgroups: [x, y, z] }: Dispatch): number => x * y * z
export const isSmall = (d: Dispatch): boolean => itemsOf(d) <= (d.grain ?? 1)

/** A program's segments. Those that touch different memory may overlap; dispatches without items are left out. */
export function schedule(program: Program): Segment[] {
  const hazards = createHazards(program)
  const segments: { readonly work: Dispatch[] | Exclude<Step, number>; after: number }[] = []
  for (const step of program.steps ?? program.dispatches.keys()) {
    const d = typeof step === 'number' ? program.dispatches[step] : undefined
    if (d && itemsOf(d) === 0) continue
    const before = hazards.of(step)
    const last = segments.length - 1
    const row = segments[last]?.work
    const inRow = d && isSmall(d) && Array.isArray(row) && row.every(isSmall) && before.includes(last) ? row : undefined
    const after = before.reduce((n, s) => (inRow && s === last ? n : Math.max(n, s + 1)), 0)
    if (inRow) {
      inRow.push(d!)
      segments[last].after = Math.max(segments[last].after, after)
    } else segments.push({ work: d ? [d] : (step as Exclude<Step, number>), after })
    hazards.add(step, segments.length - 1)
  }
  return segments
}

interface Hazards {
  /** Segments that must come before a step: they write what it touches, or read what it writes. */
  of(step: Step): number[]
  add(step: Step, segment: number): void
}

function createHazards({ kernels, buffers, dispatches }: Program): Hazards {
  /** By memory: who wrote it last, and who reads that. */
  const users = new Map<string, { readonly writer?: number; readonly readers: number[] }>()
  /** The memory of a buffer: those that share a slot are one. */
  const memoryOf = (number: number): string => {
    const buffer = buffers[number]
    return buffer.kind === 'temp' ? `slot ${buffer.slot}` : `buffer ${number}`
  }
  /** The memory that a step touches, and whether it writes there. */
  const touched = (step: Step): Map<string, boolean> => {
    const out = new Map<string, boolean>()
    const add = (memory: string, writes: boolean): void => {
      out.set(memory, writes || (out.get(memory) ?? false))
    }
    const walk = (s: Step): void => {
      if (typeof s !== 'number') {
        for (const inner of innerSteps(s)) walk(inner)
        if (s.kind === 'cond') add(memoryOf(s.index), false)
        return
      }
      const { kernel, buffers: numbers } = dispatches[s]
      numbers.forEach((number, i) => {
        add(memoryOf(number), kernels[kernel].bindings[i] === 'read_write')
      })
    }
    walk(step)
    return out
  }
  return {
    of(step) {
      return [...touched(step)].flatMap(([memory, writes]) => {
        const { writer, readers } = users.get(memory) ?? { readers: [] }
        return [...(writer === undefined ? [] : [writer]), ...(writes ? readers : [])]
      })
    },
    add(step, segment) {
      for (const [memory, writes] of touched(step)) {
        const use = users.get(memory)
        if (writes) users.set(memory, { writer: segment, readers: [] })
        else if (use) use.readers.push(segment)
        else users.set(memory, { readers: [segment] })
      }
    },
  }
}

const innerSteps = (step: Exclude<Step, number>): readonly Step[] => {
  if (step.kind === 'loop') return step.body
  return step.kind === 'while' ? [...step.cond, ...step.body] : step.branches.flat()
}
