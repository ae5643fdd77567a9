import type { Program, Step } from '../../compiler/ir/program.js'
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
  const { order, loops } = inOrder(program)
  const lives = new Map<number, { from: number; to: number; writer: number; writtenFirst: boolean }>()
  order.forEach((dispatch, at) => {
    program.dispatches[dispatch].buffers.forEach((buffer, i) => {
      if (program.buffers[buffer].kind === 'input') return
      const writes = writesAt(program, dispatch, i)
      const life = lives.get(buffer)
      if (!life) lives.set(buffer, { from: at, to: at, writer: dispatch, writtenFirst: writes })
      else life.to = at
    })
  })
  const held = [...lives].map(([number, life]) => {
    let { from, to } = life
    // What a loop's turns hand on, or share with what is outside, lives as long as the loop; inner loops come first.
    for (const loop of loops) {
      const touches = from <= loop.to && to >= loop.from
      const isOwn = from >= loop.from && to <= loop.to && life.writtenFirst
      if (touches && !isOwn) [from, to] = [Math.min(from, loop.from), Math.max(to, loop.to)]
    }
    const { kind, bytes } = program.buffers[number] as { kind: 'temp' | 'output'; bytes: number }
    return { from, to: kind === 'output' ? order.length - 1 : to, bytes, kind, dispatch: life.writer }
  })
  const changes = new Float64Array(order.length + 1)
  for (const { from, to, bytes } of held) {
    changes[from] += bytes
    changes[to + 1] -= bytes
  }
  let bytes = 0
  const live = order.map((dispatch, at) => ({ dispatch, bytes: (bytes += changes[at]) }))
  const peak = live.reduce((most, x) => Math.max(most, x.bytes), 0)
  const at = Math.max(
    0,
    live.findIndex((x) => x.bytes === peak),
  )
  return {
    arguments: program.buffers.reduce((sum, b) => sum + (b.kind === 'input' ? b.bytes : 0), 0),
    peak,
    at: live[at]?.dispatch ?? 0,
    live,
    holders: held
      .filter((h) => h.from <= at && at <= h.to)
      .map(({ bytes, dispatch, kind }) => ({ bytes, dispatch, kind }))
      .sort((a, b) => b.bytes - a.bytes),
  }
}
