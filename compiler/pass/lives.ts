import type { Var } from '../ir/types.js'
import type { Region, RegionStep, Work } from './region.js'

/** How long the values of a region are needed, and which goes on in the memory of which. Steps are numbered. */
export interface Lives {
  /** The value that `v` is another name of. */
  nameOf(v: Var): Var
  /** The last step that reads it; Infinity for outputs, -1 for what nothing reads. */
  lastUse(v: Var): number
  /** The value that takes the memory of `v`, and the last of those that follow. */
  next(v: Var): Var | undefined
  end(v: Var): Var
  /** Nothing takes the memory of `v` after all. */
  part(v: Var): void
  /** Values whose memory nothing needs after a step. */
  ending(step: number): readonly Var[]
}

/** Every value that a step reads. */
export function readsOf(step: RegionStep): readonly Var[] {
  switch (step.kind) {
    case 'work': {
      const { kernel, buffers } = step.lowered
      const reads = buffers.filter((_, i) => kernel.buffers[i].access === 'read')
      return [...reads, ...step.takes.map(([from]) => from)]
    }
    case 'loop':
    case 'while':
      return [...step.turn.consts, ...(step.kind === 'while' ? step.condConsts : []), ...inits(step)]
    case 'cond':
      return [step.index, ...step.operands]
    case 'same':
      return []
  }
}
const inits = (step: RegionStep & { kind: 'loop' | 'while' }): Var[] =>
  step.turn.changes.flatMap(({ init }) => (typeof init === 'string' ? [] : [init]))

/** Values that a step makes. */
export function madeBy(step: RegionStep): readonly Var[] {
  switch (step.kind) {
    case 'work':
      return step.lowered.buffers.filter((_, i) => step.lowered.kernel.buffers[i].access === 'read_write')
    case 'loop':
    case 'while':
      return step.turn.changes.map((c) => c.out)
    case 'cond':
      return step.outputs
    case 'same':
      return []
  }
}

/** Which value's memory a step would rather go on in: [from, to]. */
export function takesOf(step: RegionStep): readonly (readonly [Var, Var])[] {
  if (step.kind === 'work') return step.takes
  if (step.kind !== 'loop' && step.kind !== 'while') return []
  return step.turn.changes.flatMap(({ init, out }) => (typeof init === 'string' ? [] : [[init, out] as const]))
}

/** `own` inputs may be overwritten. `over` says whether a kernel that reads `from` may write `to` in its place. */
export function livesOf(
  { fn, steps }: Region,
  own: ReadonlySet<Var>,
  over: (work: Work, from: Var, to: Var) => boolean,
): Lives {
  const names = new Map<Var, Var>()
  const nameOf = (v: Var): Var => names.get(v) ?? v
  for (const step of steps)
    if (step.kind === 'same') for (const [i, v] of step.names.entries()) names.set(v, nameOf(step.values[i]))

  const last = new Map<Var, number>()
  const reads = steps.map((step) => readsOf(step).map(nameOf))
  reads.forEach((vs, i) => {
    for (const v of vs) last.set(v, i)
  })
  for (const v of fn.outputs) last.set(nameOf(v), Number.POSITIVE_INFINITY)
  const lastUse = (v: Var): number => last.get(nameOf(v)) ?? -1

  const inputs = new Set(fn.inputs)
  const next = new Map<Var, Var>()
  const endings: Var[][] = []
  steps.forEach((step, i) => {
    for (const [given, to] of takesOf(step)) {
      const from = nameOf(given)
      if (last.get(from) !== i || next.has(from) || (inputs.has(from) && !own.has(from))) continue
      const times = reads[i].filter((v) => v === from).length
      // A kernel that also reads what it updates must read each element where it writes it.
      if (times > 1 && !(step.kind === 'work' && step.lowered.buffers.includes(from) && over(step, from, to))) continue
      next.set(from, to)
    }
  })
  steps.forEach((step, i) => {
    const unread = madeBy(step).filter((v) => lastUse(v) < 0)
    endings[i] = [...new Set([...reads[i].filter((v) => lastUse(v) === i), ...unread])]
  })
  return {
    nameOf,
    lastUse,
    next: (v) => next.get(v),
    end: (v) => {
      let end = v
      for (let to = next.get(end); to; to = next.get(end)) end = to
      return end
    },
    part: (v) => {
      next.delete(v)
    },
    ending: (step) => endings[step].filter((v) => !next.has(v)),
  }
}
