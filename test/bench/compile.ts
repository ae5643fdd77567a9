import { execFileSync } from 'node:child_process'
import { compile, passes } from '../../compiler/compile.js'
import type { Target } from '../../compiler/ir/program.js'
import { wasmPrinter, wgslPrinter } from '../../compiler/kernel/printers.js'
import { plan } from '../../compiler/pass/plan.js'
import { regionOf } from '../../compiler/pass/region.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { target as software } from '../golden/target.js'
import { cpuTarget } from '../wasm/run-kernel.js'
import { steps } from './steps.js'

/**
 * Milliseconds from a training step as a function to its kernels, stage by stage: `npx tsx test/bench/compile.ts [part of a name]`.
 * Each row is a process of its own, since the first compile of a process is what people wait for: `all` is trace and compile in
 * one go, as jit does; the stages are measured in another process.
 */
const targets: Record<string, Target> = { software: { ...software, subgroupSize: 4 }, cpu: cpuTarget }

function stages(name: string, target: Target): number[] {
  const { f, args, donated } = steps[name]()
  const times: number[] = []
  const timed = <T>(stage: () => T): T => {
    const start = performance.now()
    const result = stage()
    times.push(performance.now() - start)
    return result
  }
  const { fn: traced } = timed(() => traceFn(f, args, 'step', true))
  const fn = timed(() => passes.reduce((fn, [, pass]) => pass(fn), traced))
  const region = timed(() => regionOf(fn, { target, prepare: (f) => f }, { donated, shared: true }))
  const planned = timed(() => plan(region, target, donated))
  timed(() => {
    const printer = target.class === 'cpu' ? wasmPrinter(target, () => {}) : wgslPrinter(() => {})
    const kernels = new Set(planned.steps.flatMap((s) => (s.kind === 'work' ? [s.kernel] : [])))
    for (const kernel of kernels) printer.add(kernel)
    printer.finish()
  })
  return times
}

function all(name: string, target: Target): number[] {
  const { f, args, donated } = steps[name]()
  const start = performance.now()
  const { dispatches, kernels } = compile(traceFn(f, args, 'step', true).fn, target, { donated })
  return [performance.now() - start, dispatches.length, kernels.length]
}

const [what = '', name, target] = process.argv.slice(2)
if (name) {
  process.stdout.write(JSON.stringify((what === 'all' ? all : stages)(name, targets[target])))
} else {
  const row = (cells: readonly (string | number)[]): void =>
    console.log(cells.map((c, i) => (i ? String(c).padStart(10) : String(c).padEnd(34))).join(''))
  const run = (...args: string[]): number[] =>
    JSON.parse(execFileSync(process.execPath, [...process.execArgv, process.argv[1], ...args], { encoding: 'utf8' }))
  row(['', 'trace', 'passes', 'kernels', 'plan', 'print', 'all', 'dispatches', 'kernels'])
  for (const step of Object.keys(steps))
    for (const t of Object.keys(targets))
      if (step.includes(what))
        row([`${step}, ${t}`, ...[...run('stages', step, t), ...run('all', step, t)].map(Math.round)])
}
