import './ops/index.js'
import { arrayBytes } from './ir/dtype.js'
import { print } from './ir/print.js'
import type { Dispatch, Program, Target } from './ir/program.js'
import type { Show } from './ir/show.js'
import type { Eqn, Fn, Var } from './ir/types.js'
import { size } from './ir/types.js'
import { verify } from './ir/verify.js'
import { lowerAll } from './kernel/alike.js'
import type { Kernel } from './kernel/ir.js'
import { type Printer, wasmPrinter, wgslPrinter } from './kernel/printers.js'
import { copies } from './pass/copies.js'
import { cse } from './pass/cse.js'
import { dce } from './pass/dce.js'
import { expand } from './pass/expand.js'
import { mapRule } from './pass/graph.js'
import { type Group, type Grouping, group } from './pass/group.js'
import { narrow } from './pass/narrow.js'
import { type Plan, plan, showPlan } from './pass/plan.js'
import { simplify } from './pass/simplify.js'
import { FoveaError } from './trace/error.js'

export interface CompileOptions {
  /** Positions of inputs whose memory may be reused. */
  readonly donated?: ReadonlySet<number>
  readonly show?: Show
  /** Check the IR after every pass; tests do. */
  readonly verify?: boolean
}

/** The passes from a traced function to what is fused, in order. Each keeps the meaning of the function. */
export const passes: readonly (readonly [string, (fn: Fn, target?: Target) => Fn])[] = [
  ['simplify', simplify],
  ['cse', cse],
  ['expand', expand],
  ['simplify', simplify],
  ['cse', cse],
  ['dce', dce],
  ['narrow', narrow],
  ['copies', copies],
]

/** The whole way: passes, fusion, kernels, memory plan. Pure: no device is touched. */
export function compile(traced: Fn, target: Target, options: CompileOptions = {}): Program {
  const show = options.show ?? (() => {})
  show('ir', () => print(traced))
  if (options.verify) verify(traced)
  const fn = passes.reduce((f, [name, pass]) => {
    const next = pass(f, target)
    if (options.verify) verify(next)
    show('passes', () => `after ${name}:\n${print(next)}`)
    return next
  }, traced)
  for (const v of [...fn.inputs, ...fn.eqns.flatMap((q) => q.outputs)]) refuseTooLarge(v, fn, target)
  const donated = options.donated ?? new Set()
  const kernelsFor = (shared: ReadonlySet<Var>): { grouping: Grouping; planned: Plan } => {
    const grouping = group(fn, target, shared)
    return { grouping, planned: plan(grouping, lowerAll(grouping, target), donated) }
  }
  let { grouping, planned } = kernelsFor(new Set(fn.inputs.filter((_, i) => donated.has(i))))
  // Fusion counted on outputs in place that turned out impossible: fuse less.
  if (planned.kernels.some((k) => k.buffers.length > target.maxStorageBuffersPerShaderStage))
    ({ grouping, planned } = kernelsFor(new Set()))

  const printer = target.class === 'cpu' ? wasmPrinter(target, show) : wgslPrinter(show)
  const printed = new Map<Kernel, ReturnType<Printer['add']>>()
  const printOnce = (kernel: Kernel): ReturnType<Printer['add']> => {
    const known = printed.get(kernel) ?? printer.add(kernel)
    printed.set(kernel, known)
    return known
  }
  const dispatches = grouping.groups.map((g, i): Dispatch => {
    const { kernel, buffers } = planned.kernels[i]
    const eqns = eqnsOf(grouping, g)
    const first = g.anchors[0] ?? eqns[eqns.length - 1]
    return {
      ...printOnce(kernel),
      buffers,
      workgroups: kernel.workgroups,
      scope: first.scope,
      loc: first.loc,
      ops: [...new Set(eqns.map((q) => q.op))],
    }
  })
  const { buffers, inputs, outputs, memory } = planned
  const program: Program = { name: fn.name, ...printer.finish(), buffers, dispatches, inputs, outputs, memory }
  show('plan', () => showPlan(program))
  return program
}

/** Equations a group computes, inlined ones included. */
function eqnsOf({ graph, owner }: Grouping, g: Group): Eqn[] {
  const seen = new Set<Eqn>()
  // Stores first: ops then stand in the order in which their values are made.
  const own = new Set<Var>([...g.stores, ...g.anchors.flatMap((a) => a.outputs)])
  const walk = (v: Var): void => {
    const eqn = graph.def.get(v)
    if (!eqn || seen.has(eqn) || (!own.has(v) && (owner.has(v) || !mapRule(eqn)))) return
    for (const x of eqn.inputs) walk(x)
    seen.add(eqn)
  }
  for (const v of own) walk(v)
  return [...seen]
}

function refuseTooLarge(v: Var, fn: Fn, target: Target): void {
  const bytes = arrayBytes(size(v.aval.shape), v.aval.dtype)
  if (bytes <= target.maxStorageBufferBindingSize) return
  const eqn = fn.eqns.find((q) => q.outputs.includes(v))
  throw new FoveaError(
    'too-large',
    `${eqn ? eqn.op : 'argument'}: a tensor [${v.aval.shape.join(', ')}] takes ${bytes} bytes, more than the device binds at once (${target.maxStorageBufferBindingSize}); split it, or use a smaller batch`,
    eqn?.loc,
  )
}
