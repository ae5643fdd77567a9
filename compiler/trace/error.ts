import type { Loc } from '../ir/types.js'
import { currentScope } from './source.js'

/**
 * The one error type users see: what was expected, what was given, where in their source, and in which named scope.
 * `code` is stable and meant for programs: 'shape', 'dtype', 'trace', 'device-lost', 'out-of-memory', 'no-adapter', 'input', …
 */
export class FoveaError extends Error {
  override readonly name = 'FoveaError'
  constructor(
    readonly code: string,
    message: string,
    readonly loc?: Loc,
    options?: ErrorOptions,
  ) {
    super(loc ? `${message}\n  at ${showLoc(loc)}${currentScope() && ` in ${currentScope()}`}` : message, options)
  }
}

export const showLoc = (loc: Loc): string => `${loc.file}:${loc.line}:${loc.column}`
