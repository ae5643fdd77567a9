import { compile } from '../compiler/compile.js'
import type { Show } from '../compiler/ir/show.js'
import { tracePrinting } from '../compiler/trace/collect.js'
import { getDevice } from './device.js'
import { donatedLeaves, type JitOptions } from './jit.js'

export type Stage = Parameters<Show>[0]
export interface ShowOptions extends JitOptions {
  /** What to show; everything by default. */
  readonly stages?: readonly Stage[]
}

/**
 * What `jit(f, options)` makes of a function for arguments of these shapes, as text, without running it: `ir` (what was
 * traced), `passes` (the IR after each pass), `kernels` (each distinct kernel), `plan` (dispatches and memory). The environment
 * variable FOVEA_SHOW prints the same for every program that is compiled. Throws what compiling throws.
 *
 * @example
 * const text = await show((x, w) => relu(matmul(x, w)), { stages: ['ir', 'plan'] })(ones([2, 3]), ones([3, 4]))
 * console.log(text.includes('dotGeneral'), text.includes('1 dispatches')) // true true
 */
export function show<A extends readonly any[]>(
  f: (...args: A) => unknown,
  { stages = ['ir', 'passes', 'kernels', 'plan'], donate = [], name = f.name || 'fn' }: ShowOptions = {},
): (...args: A) => Promise<string> {
  return async (...args) => {
    const { fn } = tracePrinting(f, args, name, true)
    const { target } = await getDevice()
    const texts: string[] = []
    compile(fn, target, {
      donated: donatedLeaves(args, donate),
      show: (stage, text) => {
        if (stages.includes(stage)) texts.push(`── ${stage} ──\n${text().trimEnd()}\n`)
      },
    })
    return texts.join('\n')
  }
}
