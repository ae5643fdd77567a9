import { FoveaError } from '../compiler/trace/error.js'
import { showBytes } from './bytes.js'

/** One array that is larger than any a device holds. */
export const arrayTooLarge = (bytes: number, largest: number): FoveaError =>
  new FoveaError(
    'out-of-memory',
    `out of memory: one array needs ${showBytes(bytes)}, this device holds at most ${showBytes(largest)} in one array. Use a smaller batch, or split the array`,
  )

/** Arrays of these sizes don't fit beside what there is. */
export function outOfMemory(
  missing: readonly number[],
  stats: { readonly bytesAllocated: number; readonly bytesInUse: number },
  why: string,
  cause?: unknown,
): FoveaError {
  const asked = missing.reduce((a, b) => a + b, 0)
  const { bytesInUse, bytesAllocated } = stats
  return new FoveaError(
    'out-of-memory',
    `out of memory: asked for ${showBytes(asked)} in ${missing.length} arrays, with ${showBytes(bytesInUse)} in use and ${showBytes(bytesAllocated)} allocated. ` +
      `Free arrays with x.dispose() or 'using', reuse inputs' memory with jit's donate, or use a smaller batch (${why})`,
    undefined,
    { cause },
  )
}
