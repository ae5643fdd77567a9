import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import type { Body } from './body.js'
import { instance } from './instance.js'
import type { Axis } from './nest.js'
import { type Context, inOrder, placeOf, type Share, sweep } from './pieces.js'
import { dependence, eachExpr } from './rewrite.js'

/** A line of pointwise values, in blocks of `vectors` pieces. Of `rows` 4, four lines. */
export function pointwiseLine(
  c: Context,
  body: Body,
  axis: Axis,
  vectors: number,
  rows: 1 | 4,
  share: Share | undefined,
): Stmt[] {
  const each = rows === 4 ? [0, 1, 2, 3] : [0]
  return clusters(body, axis.x).flatMap((writes) =>
    sweep(
      c,
      axis,
      vectors,
      (start, pieces) =>
        inOrder(
          pieces,
          pieces.flatMap((piece) => {
            const to = new Map([[axis.x, placeOf(c, start, piece)]])
            return each.map((row) => writes.flatMap(instance(c, piece.width, to, new Map(), row).store))
          }),
        ),
      { share },
    ),
  )
}

/** Values that share nothing but scalars are computed one after another: fewer arrays are gone through side by side. */
function clusters(body: Body, x: Expr): Body['writes'][] {
  const varies = dependence(new Set([x]))
  let out: { parts: Set<Expr>; writes: Body['writes'] }[] = []
  for (const w of body.writes) {
    const parts = new Set<Expr>()
    eachExpr([w.value], (y) => {
      if (varies(y) && (y.k === 'load' || (y.k === 'op' && y.t !== 'u32'))) parts.add(y)
    })
    const joined = out.filter((o) => [...parts].some((y) => o.parts.has(y)))
    for (const o of joined) for (const y of o.parts) parts.add(y)
    out = [...out.filter((o) => !joined.includes(o)), { parts, writes: [...joined.flatMap((o) => o.writes), w] }]
  }
  return out.map((o) => o.writes)
}
