import { arrayBytes } from '../ir/dtype.js'
import type { Dispatch, OutputSpec, Program, ProgramBuffer } from '../ir/program.js'
import type { Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import type { Lowered } from '../kernel/build.js'
import type { Kernel } from '../kernel/ir.js'
import { alias, inPlace } from './alias.js'
import type { Grouping } from './group.js'

/** A kernel with each of its buffers bound to a program buffer. */
export interface Planned {
  readonly kernel: Kernel
  readonly buffers: readonly number[]
}
export interface Plan {
  readonly buffers: readonly ProgramBuffer[]
  readonly kernels: readonly Planned[]
  readonly inputs: readonly number[]
  readonly outputs: readonly OutputSpec[]
  readonly memory: Program['memory']
}

/** Bytes of a value in device memory. A binding can't be empty. */
export const bytesOf = (v: Var): number => arrayBytes(Math.max(1, size(v.aval.shape)), v.aval.dtype)

/**
 * Gives every stored value its memory. Donated inputs become outputs in place where the kernel that writes the output is the
 * input's last reader and reads it at the element it writes; other temporaries share slots when they are not alive together.
 */
export function plan({ graph: { fn } }: Grouping, lowered: readonly Lowered[], donated: ReadonlySet<number>): Plan {
  const buffers: ProgramBuffer[] = []
  const bufferOf = new Map<Var, number>()
  const add = (b: ProgramBuffer): number => buffers.push(b) - 1

  const lastUse = new Map<Var, number>()
  lowered.forEach((l, i) => {
    for (const v of l.buffers) lastUse.set(v, i)
  })
  const outputs = new Set(fn.outputs)
  const inputs = fn.inputs.map((v, index) => {
    if (!lastUse.has(v)) return -1
    const at = add({ kind: 'input', index, bytes: bytesOf(v) })
    bufferOf.set(v, at)
    return at
  })
  const free = new Set(fn.inputs.filter((_, i) => donated.has(i)))
  const slots = slotAllocator()
  const mayTake = perKernel<boolean>()
  const merged = perKernel<ReturnType<typeof alias>>()
  let live = 0
  let peak = 0
  const kernels = lowered.map((l, i): Planned => {
    const aliases = new Map<Var, Var>()
    const at = (v: Var): number => l.buffers.indexOf(v)
    for (const v of l.buffers.filter((_, b) => l.kernel.buffers[b].access === 'read_write')) {
      const fits = (x: Var): boolean =>
        free.has(x) &&
        lastUse.get(x) === i &&
        x.aval.dtype === v.aval.dtype &&
        bytesOf(x) === bytesOf(v) &&
        mayTake(l.kernel, `${at(x)} ${at(v)}`, () => inPlace(l, x, v))
      const over = outputs.has(v) ? l.buffers.find(fits) : undefined
      if (over) {
        free.delete(over)
        aliases.set(v, over)
        bufferOf.set(v, bufferOf.get(over)!)
        continue
      }
      live += bytesOf(v)
      if (outputs.has(v)) bufferOf.set(v, add({ kind: 'output', index: fn.outputs.indexOf(v), bytes: bytesOf(v) }))
      else bufferOf.set(v, add({ kind: 'temp', slot: slots.take(bytesOf(v)), bytes: bytesOf(v) }))
    }
    peak = Math.max(peak, live)
    for (const v of new Set(l.buffers)) {
      const b = buffers[bufferOf.get(v)!]
      if (b.kind !== 'temp' || lastUse.get(v) !== i) continue
      slots.release(b.slot)
      live -= b.bytes
    }
    const key = [...aliases].map(([v, x]) => `${at(v)} ${at(x)}`).join()
    const { kernel, kept } = merged(l.kernel, key, () => alias(l, aliases))
    return { kernel, buffers: kept.map((i) => bufferOf.get(l.buffers[i])!) }
  })
  const specs = fn.outputs.map((v): OutputSpec => {
    const buffer = bufferOf.get(v)!
    return { shape: v.aval.shape, dtype: v.aval.dtype, buffer, donated: buffers[buffer].kind === 'input' }
  })
  return { buffers, kernels, inputs, outputs: specs, memory: { peakBytes: peak, tempBytes: slots.bytes() } }
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

/** Memory of temporaries: a free slot of nearly the right size, else a new one. */
function slotAllocator(): { take(bytes: number): number; release(slot: number): void; bytes(): number } {
  const slots: { bytes: number; free: boolean }[] = []
  /** How far off a slot is; one more than four times too large or twice too small is left for another value. */
  const misfit = (s: { bytes: number; free: boolean }, bytes: number): number =>
    !s.free || s.bytes > bytes * 4 || s.bytes * 2 < bytes
      ? Number.POSITIVE_INFINITY
      : s.bytes >= bytes
        ? s.bytes - bytes
        : 4 * (bytes - s.bytes)
  return {
    take(bytes) {
      let best = -1
      slots.forEach((s, i) => {
        if (misfit(s, bytes) < (best < 0 ? Number.POSITIVE_INFINITY : misfit(slots[best], bytes))) best = i
      })
      if (best < 0) return slots.push({ bytes, free: false }) - 1
      slots[best] = { bytes: Math.max(slots[best].bytes, bytes), free: false }
      return best
    },
    release(slot) {
      slots[slot].free = true
    },
    bytes: () => slots.reduce((sum, s) => sum + s.bytes, 0),
  }
}

/** A program's dispatches in words, for FOVEA_SHOW=plan. */
export function showPlan(p: Program): string {
  const where = (b: number): string => {
    const x = p.buffers[b]
    return x.kind === 'temp' ? `t${x.slot}` : `${x.kind === 'input' ? 'in' : 'out'}${x.index}`
  }
  const line = (d: Dispatch, i: number): string =>
    `  ${String(i).padStart(3)} ${p.kernels[d.kernel].name.padEnd(10)} ${d.workgroups.join('x').padEnd(12)} ${d.buffers.map(where).join(' ')}  ${d.scope ? `#${d.scope} ` : ''}${d.ops.join(' ')}`
  const slots = new Set(p.buffers.flatMap((b) => (b.kind === 'temp' ? [b.slot] : []))).size
  return [
    `plan ${p.name}: ${p.dispatches.length} dispatches in 1 submit, ${p.kernels.length} distinct kernels, temporaries ${p.memory.tempBytes} bytes in ${slots} slots, peak ${p.memory.peakBytes} bytes`,
    ...p.dispatches.map(line),
  ].join('\n')
}
