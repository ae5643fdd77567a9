import type { Program, Step } from '../../compiler/ir/program.js'
import { liveBytes, memoryAtPeak } from '../../compiler/pass/peak.js'
import type { Edge, MemoryProfile } from './types.js'

/** A program's dispatches in order, control flow opened: each once, with the loops around it. */
function inOrder(program: Program): { readonly order: readonly number[]; readonly loops: readonly Span[] } {
  const order: number[] = []
  const loops: Span[] = []
  const walk = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (typeof step === 'number') {
        order.push(step)
        continue
      }
      const from = order.length
      if (step.kind === 'cond') for (const branch of step.branches) walk(branch)
      else {
        if (step.kind === 'while') walk(step.cond)
        walk(step.body)
        loops.push({ from, to: order.length - 1 })
      }
    }
  }
  walk(program.steps ?? [...program.dispatches.keys()])
  return { order, loops }
}

/** Positions in the order, both included. */
interface Span {
  readonly from: number
  readonly to: number
}

const writesAt = ({ kernels, dispatches }: Program, dispatch: number, binding: number): boolean =>
  kernels[dispatches[dispatch].kernel].bindings[binding] === 'read_write'

/** Which dispatch reads what which wrote last. */
export function edgesOf(program: Program): Edge[] {
  const edges = new Map<string, { from: number; to: number; bytes: number }>()
  const writer = new Map<number, number>()
  const { order, loops } = inOrder(program)
  const visit = (dispatch: number): void => {
    const { buffers } = program.dispatches[dispatch]
    for (const buffer of new Set(buffers)) {
      const from = writer.get(buffer)
      if (from === undefined || from === dispatch) continue
      const { bytes } = program.buffers[buffer]
      const key = `${from} ${dispatch} ${buffer}`
      edges.set(key, { from, to: dispatch, bytes })
    }
    buffers.forEach((buffer, i) => {
      if (writesAt(program, dispatch, i)) writer.set(buffer, dispatch)
    })
  }
  order.forEach((dispatch, at) => {
    visit(dispatch)
    // What a turn leaves, the next one reads.
    for (const { from, to } of loops) if (to === at) for (const again of order.slice(from, to + 1)) visit(again)
  })
  const merged = new Map<string, Edge>()
  for (const edge of edges.values()) {
    const key = `${edge.from} ${edge.to}`
    merged.set(key, { ...edge, bytes: edge.bytes + (merged.get(key)?.bytes ?? 0) })
  }
  return [...merged.values()]
}

/** The memory of temporaries and results over a call, as the plan has it. */
export function memoryOf(program: Program): MemoryProfile {
  const { bytes: peak, dispatch: at, values } = memoryAtPeak(program)
  return {
    arguments: program.buffers.reduce((sum, b) => sum + (b.kind === 'input' ? b.bytes : 0), 0),
    peak,
    at: Math.max(0, at),
    live: liveBytes(program).map((bytes, dispatch) => ({ dispatch, bytes })),
    holders: values.map(({ bytes, dispatch, kind }) => ({ bytes, dispatch, kind })),
  }
}
