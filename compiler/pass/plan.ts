import { arrayBytes } from '../ir/dtype.js'
import type { OutputSpec, Program, ProgramBuffer, Target } from '../ir/program.js'
import type { Eqn, Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import type { Kernel } from '../kernel/ir.js'
import { alias, inPlace } from './alias.js'
import { livesOf, readsOf } from './lives.js'
import type { Region, RegionStep, Work } from './region.js'
import { slotAllocator } from './slots.js'
import { smallWork } from './small.js'

/** A kernel with each of its buffers bound to a program buffer. */
export interface Planned {
  readonly kind: 'work'
  readonly kernel: Kernel
  readonly buffers: readonly number[]
  readonly eqns: readonly Eqn[]
  readonly main: Eqn
}
export type PlannedStep =
  | Planned
  | { readonly kind: 'loop'; readonly count: number; readonly body: readonly PlannedStep[] }
  | {
      readonly kind: 'while'
      readonly cond: readonly PlannedStep[]
      readonly flag: number
      readonly body: readonly PlannedStep[]
    }
  | { readonly kind: 'cond'; readonly index: number; readonly branches: readonly (readonly PlannedStep[])[] }

export interface Plan {
  readonly buffers: readonly ProgramBuffer[]
  readonly steps: readonly PlannedStep[]
  readonly inputs: readonly number[]
  readonly outputs: readonly OutputSpec[]
  readonly memory: Program['memory']
}

/** Bytes of a value in device memory. A binding can't be empty. */
export const bytesOf = (v: Var): number => arrayBytes(Math.max(1, size(v.aval.shape)), v.aval.dtype)

type TurnStep = RegionStep & { readonly kind: 'loop' | 'while' }

/** Where a region's inputs are, which of them it may overwrite, and where its outputs must be. */
interface Frame {
  readonly bound: ReadonlyMap<Var, number>
  readonly own: ReadonlySet<Var>
  readonly want: ReadonlyMap<Var, number>
}

/**
 * Gives every stored value its memory. Donated inputs become outputs in place where the kernel that writes the output is the
 * input's last reader and reads it at the element it writes; other temporaries share slots when they are not alive together.
 * What is updated in part, and what a loop changes, keeps its memory where nothing else needs the old value; else it is copied first.
 */
export function plan(region: Region, target: Target, donated: ReadonlySet<number>): Plan {
  const { fn } = region
  const small = smallWork(target)
  const buffers: ProgramBuffer[] = []
  const add = (b: ProgramBuffer): number => buffers.push(b) - 1
  const slots = slotAllocator()
  const mayTake = perKernel<boolean>()
  const merged = perKernel<ReturnType<typeof alias>>()
  let live = 0
  let peak = 0

  const temp = (bytes: number): number => {
    live += bytes
    peak = Math.max(peak, live)
    return add({ kind: 'temp', slot: slots.take(bytes), bytes })
  }
  const release = (buffer: number): void => {
    const b = buffers[buffer]
    if (b.kind !== 'temp') return
    slots.release(b.slot)
    live -= b.bytes
  }
  /** The kernel may write `v` over `x`. */
  const over = ({ lowered }: Work, x: Var, v: Var): boolean => {
    const at = (y: Var): number => lowered.buffers.indexOf(y)
    return mayTake(lowered.kernel, `${at(x)} ${at(v)}`, () => inPlace(lowered, x, v))
  }
  const place = (work: Work, bufferOf: (v: Var) => number): Planned => {
    const { kernel, buffers: values } = work.lowered
    const written = (i: number): boolean => kernel.buffers[i].access === 'read_write'
    const aliases = new Map<Var, Var>()
    values.forEach((v, i) => {
      if (!written(i)) return
      const same = values.find((x, j) => !written(j) && bufferOf(x) === bufferOf(v))
      if (same) aliases.set(v, same)
    })
    const key = [...aliases].map(([v, x]) => `${values.indexOf(v)} ${values.indexOf(x)}`).join()
    const { kernel: made, kept } = merged(kernel, key, () => alias(work.lowered, aliases))
    const { eqns, main } = work
    return { kind: 'work', kernel: made, buffers: kept.map((i) => bufferOf(values[i])), eqns, main }
  }

  function planRegion(r: Region, { bound, own, want }: Frame, top: boolean): PlannedStep[] {
    const lives = livesOf(r, own, over)
    const { lastUse, nameOf } = lives
    const places = new Map(bound)
    const out: PlannedStep[] = []
    const outputs = new Set(r.fn.outputs)
    const bufferOf = (v: Var): number => places.get(nameOf(v))!
    const ownBuffers = new Map([...own].map((v) => [bound.get(v)!, v]))
    /** Donated inputs that no output has yet. */
    const free = new Set(top ? own : [])

    // What an input's memory becomes must be what is wanted there in the end.
    const heir = new Map<Var, Var>()
    for (const v of own) {
      const end = lives.end(v)
      if (end === v) continue
      const fits = top ? outputs.has(end) : want.get(end) === bound.get(v)
      if (fits) heir.set(end, v)
      else lives.part(v)
    }
    /** Memory for a value that step `i` begins; `work` writes it. */
    const begin = (v: Var, i: number, work?: Work): void => {
      const end = lives.end(v)
      const wanted = want.get(end)
      const owner = wanted === undefined ? undefined : ownBuffers.get(wanted)
      const usable =
        wanted !== undefined &&
        (!owner ||
          (lives.end(owner) === owner &&
            (lastUse(owner) < i || (lastUse(owner) === i && work !== undefined && over(work, owner, v)))))
      const fits = (x: Var): boolean =>
        free.has(x) &&
        !heir.has(lives.end(x)) &&
        lastUse(x) === i &&
        x.aval.dtype === v.aval.dtype &&
        bytesOf(x) === bytesOf(v) &&
        over(work!, x, v)
      const taken = top && work && outputs.has(end) ? work.lowered.buffers.find(fits) : undefined
      if (taken) free.delete(taken)
      if (usable) places.set(v, wanted)
      else if (taken) places.set(v, places.get(taken)!)
      else if (top && outputs.has(end)) {
        live += bytesOf(v)
        peak = Math.max(peak, live)
        places.set(v, add({ kind: 'output', index: r.fn.outputs.indexOf(end), bytes: bytesOf(v) }))
      } else places.set(v, temp(bytesOf(v)))
    }
    /** `to` goes on in the memory of `from`, or in its own, where `from` is copied to. */
    const goOn = (from: Var, to: Var, i: number, at: Eqn): void => {
      if (lives.next(nameOf(from)) === to) {
        places.set(to, bufferOf(from))
        return
      }
      begin(to, i)
      out.push(place(small.copy(from, to, at), bufferOf))
    }
    const turnFrame = ({ turn, body, eqn: at }: TurnStep, i: number): { frame: Frame; bodies: readonly number[] } => {
      for (const { init, out: to } of turn.changes)
        if (init !== 'zero' && init !== 'nothing') goOn(init, to, i, at)
        else {
          begin(to, i)
          if (init === 'zero') out.push(place(small.zero(to, at), bufferOf))
        }
      const bodies = turn.changes.map((c) => bufferOf(c.out))
      const all = [...turn.consts.map(bufferOf), ...bodies]
      const changing = turn.changes.flatMap((c, k) => (c.kept ? [] : [k]))
      const inner = body.fn.inputs.slice(turn.consts.length)
      return {
        bodies,
        frame: {
          bound: new Map(body.fn.inputs.map((v, k) => [v, all[k]])),
          own: new Set(changing.map((k) => inner[k])),
          want: new Map(body.fn.outputs.map((v, k) => [v, bodies[changing[k]]])),
        },
      }
    }
    const planStep = (step: RegionStep, i: number): void => {
      switch (step.kind) {
        case 'work': {
          const taking = new Map(step.takes.map(([from, to]) => [to, from]))
          for (const [from, to] of step.takes) goOn(from, to, i, step.main)
          step.lowered.buffers.forEach((v, b) => {
            if (step.lowered.kernel.buffers[b].access === 'read_write' && !taking.has(v) && !places.has(v))
              begin(v, i, step)
          })
          out.push(place(step, bufferOf))
          return
        }
        case 'loop': {
          const { frame } = turnFrame(step, i)
          const body = planRegion(step.body, frame, false)
          if (step.count > 0 && body.length > 0) out.push({ kind: 'loop', count: step.count, body })
          return
        }
        case 'while': {
          const { frame, bodies } = turnFrame(step, i)
          const flag = temp(4)
          const all = [...step.condConsts.map(bufferOf), ...bodies]
          const cond = planRegion(
            step.cond,
            {
              bound: new Map(step.cond.fn.inputs.map((v, k) => [v, all[k]])),
              own: new Set(),
              want: new Map([[step.cond.fn.outputs[0], flag]]),
            },
            false,
          )
          out.push({ kind: 'while', cond, flag, body: planRegion(step.body, frame, false) })
          release(flag)
          return
        }
        case 'cond': {
          for (const v of step.outputs) begin(v, i)
          const branches = step.branches.map((b) =>
            planRegion(
              b,
              {
                bound: new Map(b.fn.inputs.map((v, k) => [v, bufferOf(step.operands[k])])),
                own: new Set(),
                want: new Map(b.fn.outputs.map((v, k) => [v, bufferOf(step.outputs[k])])),
              },
              false,
            ),
          )
          out.push({ kind: 'cond', index: bufferOf(step.index), branches })
          return
        }
        case 'same':
      }
    }
    r.steps.forEach((step, i) => {
      planStep(step, i)
      for (const v of lives.ending(i)) if (!bound.has(v)) release(bufferOf(v))
    })
    // What could not be written where it is wanted, since what was there was still read.
    r.fn.outputs.forEach((v) => {
      const wanted = want.get(v)
      if (wanted === undefined || bufferOf(v) === wanted) return
      const to: Var = { id: -1, aval: v.aval }
      out.push(place(small.copy(v, to, { scope: '' }), (x) => (x === to ? wanted : bufferOf(x))))
    })
    for (const v of new Set(r.fn.outputs)) if (want.has(v) && bufferOf(v) !== want.get(v)) release(bufferOf(v))
    topPlaces = places
    topName = nameOf
    return out
  }
  let topPlaces: ReadonlyMap<Var, number> = new Map()
  let topName = (v: Var): Var => v

  const read = new Set([...region.steps.flatMap((s) => (s.kind === 'same' ? s.values : readsOf(s))), ...fn.outputs])
  const bound = new Map<Var, number>()
  const inputs = fn.inputs.map((v, index) => {
    if (!read.has(v)) return -1
    const at = add({ kind: 'input', index, bytes: bytesOf(v) })
    bound.set(v, at)
    return at
  })
  const own = new Set(fn.inputs.filter((v, i) => donated.has(i) && bound.has(v)))
  const steps = planRegion(region, { bound, own, want: new Map() }, true)
  const outputs = fn.outputs.map((v): OutputSpec => {
    const buffer = topPlaces.get(topName(v))!
    return { shape: v.aval.shape, dtype: v.aval.dtype, buffer, donated: buffers[buffer].kind === 'input' }
  })
  return { buffers, steps, inputs, outputs, memory: { peakBytes: peak, tempBytes: slots.bytes() } }
}

/** Remembers what was worked out for a kernel: groups that compute alike share one. */
function perKernel<T>(): (kernel: Kernel, key: string, make: () => T) => T {
  const known = new Map<Kernel, Map<string, T>>()
  return (kernel, key, make) => {
    let mine = known.get(kernel)
    if (!mine) known.set(kernel, (mine = new Map()))
    const result = mine.get(key) ?? make()
    mine.set(key, result)
    return result
  }
}
