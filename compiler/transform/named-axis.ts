import { FoveaError } from '../trace/error.js'
import { where } from '../trace/source.js'

/** The named axes of the vmaps whose functions are being traced, the innermost last. */
const axes: { readonly name: string; readonly size: number }[] = []

/** Runs `f`, in which collectives find the axis by its name, if it has one. */
export function inNamedAxis<T>(axis: { readonly name?: string; readonly size: number }, f: () => T): T {
  const { name, size } = axis
  if (name === undefined) return f()
  if (axes.some((known) => known.name === name))
    throw new FoveaError('trace', `vmap: an axis named '${name}' is being mapped already`, where()())
  axes.push({ name, size })
  try {
    return f()
  } finally {
    axes.pop()
  }
}

/** The size of a mapped axis. Throws FoveaError 'trace' when no vmap around has named an axis so. */
export function namedAxis(op: string, name: string): number {
  const axis = axes.find((known) => known.name === name)
  if (axis) return axis.size
  const names = axes.map((known) => `'${known.name}'`).join(', ')
  throw new FoveaError(
    'trace',
    `${op}: no vmap around names an axis '${name}'; ${names ? `named are ${names}` : 'give vmap { axisName }'}`,
    where()(),
  )
}
