import { type CompileOptions, compile } from '../../compiler/compile.js'
import { fillPlaces, numberPlaces } from '../../compiler/ir/places.js'
import type { Program, Target } from '../../compiler/ir/program.js'
import type { Fn } from '../../compiler/ir/types.js'
import { isNode } from '../choose.js'

/** What compiles faster than this is not worth a file. */
const worthMs = 20

/**
 * `compile`, which takes the program from this user's disk where it was compiled before, by any process. Places in the user's
 * code are those of `traced`: on disk they are numbers of its equations.
 */
export async function compileOnce(traced: Fn, target: Target, options: CompileOptions = {}): Promise<Program> {
  // What is to be shown or checked has to be done.
  const isKept = isNode() && !options.show && !options.verify
  const kept = isKept ? (await import('./kept.js')).find(traced, target, options.donated) : undefined
  if (!kept) return compile(traced, target, options)
  const { fn, places } = numberPlaces(traced)
  if (kept.program) return fillPlaces(kept.program, places)
  const start = performance.now()
  let program: Program
  try {
    program = compile(fn, target, options)
  } catch {
    return compile(traced, target, options) // throws the same, with the place
  }
  if (performance.now() - start >= worthMs) kept.keep(program)
  return fillPlaces(program, places)
}
