import { FoveaError } from './error.js'
import { placeOf, type Where, where } from './source.js'
import { Tensor } from './tensor.js'
import { flatten } from './tree.js'

let depth = 0
/** True while a function is being traced. */
export const isTracing = (): boolean => depth > 0

/**
 * Calls a function under tracing and flattens what it returns. `args` are rebuilt for the call and belong to nobody else:
 * they are frozen, so that a function that changes them is told, with the line. A promise, a generator, or nothing at all
 * in place of tensors is refused; `place` is where the user asked for the call.
 */
export function callPure(
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  place: Where = where(),
): ReturnType<typeof flatten> {
  const name = f.name ? `'${f.name}'` : 'the function'
  const refuse = (message: string): never => {
    throw new FoveaError('trace', message, place())
  }
  for (const arg of args) freeze(arg)
  depth++
  try {
    const result = f(...args)
    if (result instanceof Promise)
      refuse(
        `a traced function must return tensors, got a promise: ${name} is async or calls a jitted function; call the plain function inside instead`,
      )
    if (Object.prototype.toString.call(result).endsWith('Generator]'))
      refuse(
        `a traced function must return tensors, got a generator: ${name} is a function*; return the tensors instead`,
      )
    if (result === undefined) refuse(`a traced function must return tensors, got undefined: ${name} has no return`)
    if (result === null || typeof result !== 'object')
      refuse(
        `a traced function must return tensors, or objects and arrays of them, got ${result === null ? 'null' : `a ${typeof result}`} from ${name}`,
      )
    return flatten(result)
  } catch (err) {
    if (err instanceof TypeError && frozen.test(err.message))
      throw new FoveaError(
        'trace',
        `${name} changes its arguments (${err.message}): a traced function is pure; make a new object, such as { ...p, w }`,
        placeOf(err),
        { cause: err },
      )
    throw err
  } finally {
    depth--
  }
}

/** What engines say when a frozen object is written to (V8; JavaScriptCore; SpiderMonkey). */
const frozen =
  /read.?only|not extensible|non-extensible|Cannot delete property|Unable to delete property|non-configurable/

function freeze(tree: unknown): void {
  if (tree === null || typeof tree !== 'object' || tree instanceof Tensor) return
  for (const below of Object.values(tree)) freeze(below)
  Object.freeze(tree)
}
