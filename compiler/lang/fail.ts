import { FoveaError } from '../trace/error.js'
import { where } from '../trace/source.js'

/**
 * Throws a FoveaError that names the user's line. The sentence is the one the static type tells: see the ShapeError of the
 * same function under compiler/types.
 */
export function fail(code: 'shape' | 'dtype' | 'trace', message: string): never {
  throw new FoveaError(code, message, where()())
}
