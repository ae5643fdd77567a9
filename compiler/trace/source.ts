import type { Loc } from '../ir/types.js'

/** Where a node was made. */
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
const own = ['node:', ...rooms, ...rooms.map((room) => room.replace(/^file:\/\//, ''))]
const isOwn = (file: string): boolean => own.some((start) => file.startsWith(start))

const frames = 24
/**
 * Places by the user's frame in the code that runs. A stack's text, with source maps applied, is slow to make; V8 gives the
 * frames without it (https://v8.dev/docs/stack-trace-api), and what one line of a program calls has one place.
 */
const places = new Map<string, Loc | undefined>()
const mostPlaces = 10_000

export function where(): Where {
  if (fixed) return fixed
  const { stackTraceLimit, prepareStackTrace } = Error
  Error.stackTraceLimit = frames
  let site: string | undefined
  Error.prepareStackTrace = (_, sites) => {
    const user = sites.find((x) => !isOwn(x.getFileName() ?? 'node:'))
    site = user ? `${user.getFileName()}:${user.getLineNumber()}:${user.getColumnNumber()}` : ''
  }
  const { stack: _ } = stackAt(where)
  Error.prepareStackTrace = prepareStackTrace
  const text = site !== undefined && places.has(site) ? undefined : stackAt(where)
  Error.stackTraceLimit = stackTraceLimit
  if (site === undefined) return () => userFrame(text!.stack)
  if (text) {
    if (places.size === mostPlaces) places.clear()
    places.set(site, userFrame(text.stack))
  }
  const place = places.get(site)
  return () => place
}

const stackAt = (below: () => unknown): { readonly stack: string } => {
  const holder = { stack: '' }
  Error.captureStackTrace(holder, below)
  return holder
}

/** Where in the user's code an error was thrown. */
export const placeOf = (err: Error): Loc | undefined => userFrame(err.stack ?? '')

function userFrame(stack: string): Loc | undefined {
  for (const line of stack.split('\n').slice(1)) {
    const m = /\(?((?:file:\/\/)?[^()\s]+):(\d+):(\d+)\)?$/.exec(line.trim())
    if (!m || isOwn(m[1])) continue
    return { file: m[1].replace(/^file:\/\//, ''), line: Number(m[2]), column: Number(m[3]) }
  }
  return undefined
}
