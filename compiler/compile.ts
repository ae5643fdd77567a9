import './ops/index.js'
import { arrayBytes } from './ir/dtype.js'
import { print } from './ir/print.js'
import type { Dispatch, Program, Step, Target } from './ir/program.js'
import type { Show } from './ir/show.js'
import type { Fn, Var } from './ir/types.js'
import { size } from './ir/types.js'
import { verify } from './ir/verify.js'
import { type Guard, guarded } from './kernel/guard.js'
import type { Kernel } from './kernel/ir.js'
import { type Printer, wasmPrinter, wgslPrinter } from './kernel/printers.js'
import { type Work, workOf } from './kernel/work.js'
import { control } from './pass/control.js'
import { copies } from './pass/copies.js'
import { cse } from './pass/cse.js'
import { dce } from './pass/dce.js'
import { expand } from './pass/expand.js'
import { narrow } from './pass/narrow.js'
import { type Plan, type PlannedStep, plan } from './pass/plan.js'
import { regionOf } from './pass/region.js'
import { schedule } from './pass/schedule.js'
import { showPlan } from './pass/show-plan.js'
import { simplify } from './pass/simplify.js'
import { FoveaError } from './trace/error.js'

export interface CompileOptions {
  /** Positions of inputs whose memory may be reused. */
  readonly donated?: ReadonlySet<number>
  readonly show?: Show
  /** Told what each dispatch has to do, by its number. */
  readonly onWork?: (dispatch: number, work: Work) => void
  /** Check the IR after every pass; tests do. */
  readonly verify?: boolean
}

/** The passes from a traced function to what is fused, in order. Each keeps the meaning of the function. */
export const passes: readonly (readonly [string, (fn: Fn, target?: Target) => Fn])[] = [
  ['control', control],
  ['simplify', simplify],
  ['cse', cse],
  ['expand', expand],
  ['control', control],
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
  /** The passes, for the function and for those that its equations run. */
  const prepare = (before: Fn): Fn => {
    const fn = passes.reduce((f, [name, pass]) => {
      const next = pass(f, target)
      if (options.verify) verify(next)
      show('passes', () => `after ${name}:\n${print(next)}`)
      return next
    }, before)
    for (const v of [...fn.inputs, ...fn.eqns.flatMap((q) => q.outputs)]) refuseTooLarge(v, fn, target)
    return fn
  }
  const donated = options.donated ?? new Set()
  const plannedFor = (shared: boolean): Plan => {
    const region = regionOf(traced, { target, prepare }, { donated, shared })
    const given = plan(region, target, donated)
    const scheduled = schedule(region, donated)
    if (scheduled === region) return given
    // The schedule counts bytes; only a plan knows what can be written in place.
    const other = plan(scheduled, target, donated)
    return other.memory.peakBytes < given.memory.peakBytes && other.steps.length <= given.steps.length ? other : given
  }
  let planned = plannedFor(true)
  // Fusion counted on outputs in place that turned out impossible: fuse less.
  const isTooWide = (step: PlannedStep): boolean =>
    step.kind === 'work' && step.kernel.buffers.length > target.maxStorageBuffersPerShaderStage
  if (planned.steps.some(isTooWide)) planned = plannedFor(false)

  const printer = target.class === 'cpu' ? wasmPrinter(target, show) : wgslPrinter(show)
  const { dispatches, steps } = dispatchesOf(planned.steps, printer, target.class !== 'cpu', options.onWork)
  const { buffers, inputs, outputs, memory } = planned
  const program: Program = {
    name: traced.name,
    ...printer.finish(),
    buffers,
    dispatches,
    ...(steps.some((s) => typeof s !== 'number') && { steps }),
    inputs,
    outputs,
    memory,
  }
  show('plan', () => showPlan(program))
  return program
}

/** Planned steps as dispatches, and their order. `guard`: kernels see for themselves whether they are to run. */
function dispatchesOf(
  planned: readonly PlannedStep[],
  printer: Printer,
  guard: boolean,
  onWork: CompileOptions['onWork'],
): { dispatches: Dispatch[]; steps: Step[] } {
  const dispatches: Dispatch[] = []
  const printed = new Map<Kernel, ReturnType<Printer['add']>>()
  const printOnce = (kernel: Kernel): ReturnType<Printer['add']> => {
    const known = printed.get(kernel) ?? printer.add(kernel)
    printed.set(kernel, known)
    return known
  }
  const list = (steps: readonly PlannedStep[], guards: readonly Guard[]): Step[] => steps.map((s) => one(s, guards))
  const one = (step: PlannedStep, guards: readonly Guard[]): Step => {
    switch (step.kind) {
      case 'work': {
        const { kernel, buffers } = guards.length ? guarded(step.kernel, step.buffers, guards) : step
        const { scope, loc } = step.main
        const ops = [...new Set(step.eqns.map((q) => q.op))]
        onWork?.(dispatches.length, workOf(step.eqns, step.main, step.kernel))
        return dispatches.push({ ...printOnce(kernel), buffers, workgroups: kernel.workgroups, scope, loc, ops }) - 1
      }
      case 'loop':
        return { ...step, body: list(step.body, guards) }
      case 'while': {
        const cond = list(step.cond, guards)
        return { ...step, cond, body: list(step.body, guard ? [...guards, { buffer: step.flag, is: true }] : []) }
      }
      case 'cond': {
        const { index } = step
        return {
          ...step,
          branches: step.branches.map((b, is) => list(b, guard ? [...guards, { buffer: index, is }] : [])),
        }
      }
    }
  }
  const steps = list(planned, [])
  return { dispatches, steps }
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
