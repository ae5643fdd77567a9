import type { Expr } from '../expr.js'
import { type Stmt, scratchBase } from '../ir.js'
import type { Context } from './pieces.js'

/** Which numbers belong to which key, as linked lists in scratch memory. */
export interface Lists {
  readonly build: readonly Stmt[]
  /** Goes through the numbers of a key in rising order. */
  each(key: Expr, make: (n: Expr) => readonly Stmt[]): readonly Stmt[]
}

/** Links the numbers 0 … count - 1 by the key that each has, a u32, as far as the keys are within first … end, of which there are `most`. */
export function listsOf(
  { e, fresh, scratch }: Context,
  { count, most, first, end, key }: { count: number; most: number; first: Expr; end: Expr; key: (n: Expr) => Expr },
): Lists {
  const [heads, next] = [0, 1].map((i) => scratchBase + scratch.length + i)
  scratch.push({ t: 'u32', size: most, per: 'invocation' }, { t: 'u32', size: Math.max(1, count), per: 'invocation' })
  const variable = (max: number): Expr & { k: 'var' } => e.variable(fresh('n'), 'u32', Math.max(0, max)) as never
  const none = e.index(count)
  const head = variable(Math.ceil(most / 4) - 1)
  const turn = variable(count - 1)
  const offset = variable(most)
  // The last number first, so that lists rise.
  const n = e.call('sub', 'u32', [e.index(Math.max(0, count - 1)), turn], Math.max(0, count - 1))
  const size = e.call('sub', 'u32', [end, first])
  const link: Stmt[] = [
    { k: 'store', buffer: next, at: n, value: e.load(heads, 'u32', offset) },
    { k: 'store', buffer: heads, at: offset, value: n },
  ]
  return {
    build: [
      {
        k: 'loop',
        index: head.name,
        count: Math.ceil(most / 4),
        body: [{ k: 'store', buffer: heads, at: e.imul(head, 4), value: e.lit('u32x4', count) }],
      },
      {
        k: 'loop',
        index: turn.name,
        count,
        body: [
          { k: 'let', name: offset.name, value: e.call('sub', 'u32', [key(n), first]) },
          // Keys below the first wrap around.
          { k: 'if', cond: e.call('lt', 'bool', [offset, size]), body: link },
        ],
      },
    ],
    each(k, make) {
      const name = fresh('acc')
      const current = e.variable(name, 'u32')
      const found = variable(count - 1)
      return [
        { k: 'mutable', name, t: 'u32', value: e.load(heads, 'u32', e.call('sub', 'u32', [k, first])) },
        {
          k: 'while',
          cond: e.call('lt', 'bool', [current, none]),
          body: [
            { k: 'let', name: found.name, value: current },
            ...make(found),
            { k: 'set', name, value: e.load(next, 'u32', found) },
          ],
        },
      ]
    },
  }
}
