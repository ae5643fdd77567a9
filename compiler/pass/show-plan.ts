import type { Dispatch, Program, Step } from '../ir/program.js'
import { nameOf, showPeak } from './peak.js'

/** A program's dispatches in words, and what is held at the peak, for FOVEA_SHOW=plan. */
export function showPlan(p: Program): string {
  const where = (b: number): string => nameOf(p, b)
  const dispatch = (d: Dispatch, i: number, pad: string): string =>
    `${pad}  ${String(i).padStart(3)} ${p.kernels[d.kernel].name.padEnd(10)} ${d.workgroups.join('x').padEnd(12)} ${d.buffers.map(where).join(' ')}  ${d.scope ? `#${d.scope} ` : ''}${d.ops.join(' ')}`
  const lines = (steps: readonly Step[], pad: string): string[] =>
    steps.flatMap((step) => {
      if (typeof step === 'number') return dispatch(p.dispatches[step], step, pad)
      const inner = `${pad}  `
      if (step.kind === 'loop') return [`${inner}${step.count} times:`, ...lines(step.body, inner)]
      if (step.kind === 'cond')
        return step.branches.flatMap((b, k) => [`${inner}if ${where(step.index)} is ${k}:`, ...lines(b, inner)])
      return [
        `${inner}while ${where(step.flag)}, of:`,
        ...lines(step.cond, inner),
        `${inner}do:`,
        ...lines(step.body, inner),
      ]
    })
  const slots = new Set(p.buffers.flatMap((b) => (b.kind === 'temp' ? [b.slot] : []))).size
  return [
    `plan ${p.name}: ${p.dispatches.length} dispatches in ${p.steps ? 'steps' : '1 submit'}, ${p.kernels.length} distinct kernels, temporaries ${p.memory.tempBytes} bytes in ${slots} slots, peak ${p.memory.peakBytes} bytes`,
    ...lines(p.steps ?? [...p.dispatches.keys()], ''),
    ...showPeak(p),
  ].join('\n')
}
