import { FoveaError } from './error.js'
import { where } from './source.js'
import { runtimeHooks } from './tensor.js'
import { type AnyTensor, flatten, type TreeDef } from './tree.js'

/**
 * What `debug.print` leaves in a traced function: text with a place for each value. The values are further results of the
 * function, after those it returns, so that no pass drops them and nothing is read back where nothing is printed.
 */
export interface Print {
  /** The text around the values: one piece more than there are values. */
  readonly pieces: readonly string[]
  readonly trees: readonly TreeDef[]
  /** Tensors in `trees`. */
  readonly leaves: number
}
export interface Printing {
  readonly print: Print
  readonly values: readonly AnyTensor[]
}

let recording: Printing[] | undefined

/** Runs `f`; what it prints is returned instead of shown. */
export function recordPrints<T>(f: () => T): { result: T; printed: readonly Printing[] } {
  const outer = recording
  const printed: Printing[] = []
  recording = printed
  try {
    return { result: f(), printed }
  } finally {
    recording = outer
  }
}

/** Part of the function being traced, or shown as soon as the values are known. */
function emit(printing: Printing): void {
  if (recording) recording.push(printing)
  else runtimeHooks().print(printing)
}

/**
 * The results that a function returns, of all that its program gives: the rest goes to the function around it, or is
 * printed. A transform that runs a traced function again calls this on what it computed.
 */
export function releasePrints(prints: readonly Print[], outs: readonly AnyTensor[]): AnyTensor[] {
  const hidden = prints.reduce((n, print) => n + print.leaves, 0)
  let next = outs.length - hidden
  for (const print of prints) emit({ print, values: outs.slice(next, (next += print.leaves)) })
  return outs.slice(0, outs.length - hidden)
}

export function print(format: string, ...values: readonly unknown[]): void {
  const pieces = format.split('{}')
  if (pieces.length !== values.length + 1)
    throw new FoveaError(
      'input',
      `debug.print: expected a value for each {} of '${format}', got ${values.length} for ${pieces.length - 1}`,
      where()(),
    )
  const parts = values.map(flatten)
  const leaves = parts.flatMap((part) => part.leaves)
  emit({ print: { pieces, trees: parts.map(({ tree }) => tree), leaves: leaves.length }, values: leaves })
}
