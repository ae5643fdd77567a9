import type { Loc } from '../ir/types.js'

/** Where a node was made. The stack is parsed only when asked. */
export type Where = () => Loc | undefined

let scope = ''
let fixed: Where | undefined

export const currentScope = (): string => scope

/**
 * Runs `f` with `name` appended to the scope path: kernels, profiles and errors carry it.
 *
 * @example
 * const y = namedScope('attention', () => add(tensor([1]), tensor([2])))
 */
export function namedScope<T>(name: string, f: () => T): T {
  const outer = scope
  scope = outer ? `${outer}/${name}` : name
  try {
    return f()
  } finally {
    scope = outer
  }
}

/** Runs `f` so that nodes made inside carry another node's place: what a transform makes belongs to the op it came from. */
export function at<T>(place: Where, inScope: string, f: () => T): T {
  const outerFixed = fixed
  const outerScope = scope
  fixed = place
  scope = inScope
  try {
    return f()
  } finally {
    fixed = outerFixed
    scope = outerScope
  }
}

// Frames of the library itself are skipped: the first other frame is the user's.
const library = new URL('../..', import.meta.url).href
const rooms = ['compiler/', 'runtime/', 'stdlib/', 'dist/'].map((room) => library + room)
const paths = rooms.map((room) => room.replace(/^file:\/\//, ''))

export function where(): Where {
  if (fixed) return fixed
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 24
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, where)
  Error.stackTraceLimit = limit
  return () => userFrame(holder.stack ?? '')
}

function userFrame(stack: string): Loc | undefined {
  for (const line of stack.split('\n').slice(1)) {
    const m = /\(?((?:file:\/\/)?[^()\s]+):(\d+):(\d+)\)?$/.exec(line.trim())
    if (!m || m[1].startsWith('node:') || [...rooms, ...paths].some((room) => m[1].startsWith(room))) continue
    return { file: m[1].replace(/^file:\/\//, ''), line: Number(m[2]), column: Number(m[3]) }
  }
  return undefined
}
