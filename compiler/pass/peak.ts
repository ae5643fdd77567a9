import type { Program, Step } from '../ir/program.js'
import type { Loc } from '../ir/types.js'

/** A temporary or a result that is in memory at the peak. */
export interface HeldValue {
  readonly kind: 'temp' | 'output'
  /** Its number among the program's buffers. */
  readonly buffer: number
  readonly bytes: number
  /** Which makes it, with its scope, line and ops. */
  readonly dispatch: number
  readonly scope: string
  readonly loc?: Loc
  readonly ops: readonly string[]
}

/** Who holds what when a program holds most. */
export interface MemoryAtPeak {
  readonly bytes: number
  /** The dispatch at which it does; -1 when nothing is held. */
  readonly dispatch: number
  /** Largest first. */
  readonly values: readonly HeldValue[]
  /** Bytes by named scope, largest first. */
  readonly scopes: readonly { readonly scope: string; readonly bytes: number; readonly values: number }[]
}

/** First and last dispatch; `from` and `to` are those of the step around it, if that is a loop or branches. */
interface Interval {
  readonly first: number
  readonly last: number
  readonly from: number
  readonly to: number
}

/**
 * What a compiled program holds at the moment of its peak: temporaries and results, with the named scope and the source line of what
 * made each, and bytes by scope. Arguments are the caller's and are not counted. Plain data, worked out from the program alone.
 *
 * @example
 * const f = jit((x) => sum(square(matmul(x, x))))
 * const { bytes, values, scopes } = memoryAtPeak(await f.program(ones([64, 64])))
 * console.log(bytes >= values[0].bytes, scopes.length > 0) // true true
 */
export function memoryAtPeak(program: Program): MemoryAtPeak {
  const { buffers, dispatches } = program
  const held = heldIn(program)
  const live = liveBytes(program)
  const bytes = live.reduce((most, n) => Math.max(most, n), 0)
  const dispatch = bytes > 0 ? live.indexOf(bytes) : -1
  const values = held
    .filter(({ first, last }) => first <= dispatch && dispatch <= last)
    .map(({ buffer, first }): HeldValue => {
      const { kind, bytes } = buffers[buffer] as { kind: 'temp' | 'output'; bytes: number }
      const { scope, loc, ops } = dispatches[first]
      return { kind, buffer, bytes, dispatch: first, scope, ...(loc && { loc }), ops }
    })
    .sort((a, b) => b.bytes - a.bytes || a.buffer - b.buffer)
  const scopes = new Map<string, { scope: string; bytes: number; values: number }>()
  for (const v of values) {
    const sum = scopes.get(v.scope) ?? { scope: v.scope, bytes: 0, values: 0 }
    scopes.set(v.scope, { scope: v.scope, bytes: sum.bytes + v.bytes, values: sum.values + 1 })
  }
  return { bytes, dispatch, values, scopes: [...scopes.values()].sort((a, b) => b.bytes - a.bytes) }
}

/** Bytes of temporaries and results that are held at each dispatch. */
export function liveBytes(program: Program): number[] {
  const change: number[] = new Array(program.dispatches.length + 1).fill(0)
  for (const { buffer, first, last } of heldIn(program)) {
    change[first] += program.buffers[buffer].bytes
    change[last + 1] -= program.buffers[buffer].bytes
  }
  let live = 0
  return program.dispatches.map((_, i) => (live += change[i]))
}

/** Temporaries and results, with the first and last dispatch that they are held at: results to the end. */
function heldIn(program: Program): { readonly buffer: number; readonly first: number; readonly last: number }[] {
  const { buffers, dispatches } = program
  return [...intervals(program)].flatMap(([buffer, { first, last }]) => {
    const { kind } = buffers[buffer]
    return kind === 'input' ? [] : [{ buffer, first, last: kind === 'output' ? dispatches.length - 1 : last }]
  })
}

/** From which dispatch to which each buffer is needed. What a loop or branch shares with what is around it is needed throughout. */
function intervals({ dispatches, steps }: Program): ReadonlyMap<number, Interval> {
  const merge = (parts: readonly ReadonlyMap<number, Interval>[]): Map<number, Interval> => {
    const all = new Map<number, Interval>()
    for (const part of parts)
      for (const [b, x] of part) {
        const before = all.get(b)
        all.set(b, before ? { first: before.from, last: x.to, from: before.from, to: x.to } : x)
      }
    return all
  }
  const around = (inner: ReadonlyMap<number, Interval>): Map<number, Interval> => {
    const from = Math.min(...[...inner.values()].map((x) => x.first))
    const to = Math.max(...[...inner.values()].map((x) => x.last))
    return new Map([...inner].map(([b, x]) => [b, { ...x, from, to }]))
  }
  const one = (step: Step): ReadonlyMap<number, Interval> => {
    if (typeof step === 'number') {
      const at = { first: step, last: step, from: step, to: step }
      return new Map(dispatches[step].buffers.map((b) => [b, at]))
    }
    if (step.kind === 'loop') return around(merge(step.body.map(one)))
    if (step.kind === 'while') return around(merge([...step.cond, ...step.body].map(one)))
    return around(merge(step.branches.flat().map(one)))
  }
  return merge((steps ?? [...dispatches.keys()]).map(one))
}

const mostRows = 10

/** The table of the peak, for people. */
export function showPeak(program: Program): string[] {
  const { bytes, dispatch, values, scopes } = memoryAtPeak(program)
  if (!values.length) return []
  const share = (n: number): string => `${String(n).padStart(12)} ${`${Math.round((100 * n) / bytes)} %`.padStart(5)}`
  const rest = (n: number): string[] => (n > mostRows ? [`    … ${n - mostRows} more`] : [])
  const rows = scopes.slice(0, mostRows).map((s) => `    ${share(s.bytes)}  ${s.scope ? `#${s.scope}` : '(no scope)'}`)
  const largest = values.slice(0, mostRows).map((v) => {
    const place = v.loc ? `  ${v.loc.file}:${v.loc.line}` : ''
    return `    ${share(v.bytes)}  ${nameOf(program, v.buffer)} ${v.ops.join(' ')}${v.scope && `  #${v.scope}`}${place}`
  })
  return [
    `  at the peak, dispatch ${dispatch}, ${bytes} bytes by scope:`,
    ...rows,
    ...rest(scopes.length),
    '  the largest:',
    ...largest,
    ...rest(values.length),
  ]
}

/** A buffer's name in the plan. */
export function nameOf({ buffers }: Program, b: number): string {
  const x = buffers[b]
  return x.kind === 'temp' ? `t${x.slot}` : `${x.kind === 'input' ? 'in' : 'out'}${x.index}`
}
