import { exprs } from './expr.js'
import type { Kernel, Stmt } from './ir.js'

/** A kernel runs where this buffer has this value. */
export interface Guard {
  readonly buffer: number
  readonly is: number | boolean
}

/**
 * A kernel, bound to `buffers`, that ends at once where a guard is not met: a GPU's commands are recorded before it is known
 * what is to run. A guard's buffer that the kernel does not bind is bound last, to be read, so that all invocations agree.
 */
export function guarded(
  kernel: Kernel,
  buffers: readonly number[],
  guards: readonly Guard[],
): { kernel: Kernel; buffers: readonly number[] } {
  const e = exprs()
  const bound = [...buffers]
  const list = [...kernel.buffers]
  const exits = guards.map(({ buffer, is }): Stmt => {
    const dtype = typeof is === 'boolean' ? 'bool' : 'i32'
    let at = bound.indexOf(buffer)
    if (at < 0) {
      at = bound.push(buffer) - 1
      list.push({ dtype, size: 1, width: 1, access: 'read' })
    }
    const value = e.load(at, dtype, e.index(0))
    return {
      k: 'exit',
      cond: typeof is === 'boolean' ? e.call('not', 'bool', [value]) : e.call('ne', 'bool', [value, e.lit('i32', is)]),
    }
  })
  return { kernel: { ...kernel, buffers: list, body: [...exits, ...kernel.body] }, buffers: bound }
}
