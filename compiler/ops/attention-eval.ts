import type { Aval, Params } from '../ir/types.js'
import { size } from '../ir/types.js'
import {
  type AttentionDims,
  attentionDims,
  attentionParams,
  type Differentiated,
  lastOperands,
  maskedScore,
} from './attention-dims.js'
import type { RefArray } from './op.js'
import { eachIndex, stridesOf } from './rules.js'

/** Reference semantics of the ops of attention, row by row in f64. */

/** One query of one head: its number, its scores, and which keys it sees. */
interface Row {
  readonly b: number
  readonly n: number
  readonly t: number
  readonly scores: Float64Array
  readonly sees: readonly boolean[]
}

const place = (x: { readonly shape: readonly number[] }, ...index: readonly number[]): number => {
  const strides = stridesOf(x.shape)
  return index.reduce((at, i, d) => at + (x.shape[d] === 1 ? 0 : i * strides[d]), 0)
}
const dot = (a: RefArray, at: number, b: RefArray, bt: number, n: number): number => {
  let sum = 0
  for (let h = 0; h < n; h++) sum += a.data[at + h] * b.data[bt + h]
  return sum
}

function eachRow(ins: readonly RefArray[], params: Params, f: (row: Row, d: AttentionDims) => void): void {
  const p = attentionParams(params)
  const d = attentionDims('attention', ins, p)
  const { bias, mask, rest } = lastOperands(ins, p)
  const [q, k] = rest
  eachIndex([d.B, d.N, d.T], ([b, n, t]) => {
    const scores = new Float64Array(d.S)
    const sees = Array.from(scores, (_, s) => {
      const score = p.scale * dot(q, place(q, b, t, n, 0), k, place(k, b, s, keyHead(d, n), 0), d.H)
      const visible = (!p.isCausal || s <= t) && mask?.data[place(mask, b, n, t, s)] !== 0
      scores[s] = visible ? score + (bias ? bias.data[place(bias, b, n, t, s)] : 0) : maskedScore
      return visible
    })
    f({ b, n, t, scores, sees }, d)
  })
}
const keyHead = ({ N, K }: AttentionDims, n: number): number => Math.floor(n / (N / K))
const zeros = (outs: readonly Aval[]): RefArray[] => outs.map((y) => ({ ...y, data: new Float64Array(size(y.shape)) }))

export function evalAttention(ins: readonly RefArray[], params: Params, outs: readonly Aval[]): RefArray[] {
  const [o, l] = zeros(outs)
  const v = ins[2]
  eachRow(ins, params, ({ b, n, t, scores }, d) => {
    const top = scores.reduce((a, x) => Math.max(a, x), Number.NEGATIVE_INFINITY)
    const weights = scores.map((x) => Math.exp(x - top))
    const sum = weights.reduce((a, x) => a + x, 0)
    l.data[place(l, b, n, t)] = top + Math.log(sum)
    weights.forEach((w, s) => {
      const [to, from] = [place(o, b, t, n, 0), place(v, b, s, keyHead(d, n), 0)]
      for (let h = 0; h < d.H; h++) o.data[to + h] += (w / sum) * v.data[from + h]
    })
  })
  return [o, l]
}

/** The weights that a row has, given the log of the sum of its exponentials. */
const weightsOf = ({ scores }: Row, l: number): Float64Array =>
  scores.map((x) => Math.exp(x - l) * (l <= maskedScore ? 1 / scores.length : 1))

export function evalAttentionTangent(ins: readonly RefArray[], params: Params, outs: readonly Aval[]): RefArray[] {
  const p = attentionParams(params)
  const [q, k, v, o, l, ...given] = lastOperands(ins, p).rest
  const tangents = new Map<Differentiated, RefArray>(p.of.map((name, i) => [name, given[i]]))
  const [tq, tk, tv, tb] = (['q', 'k', 'v', 'bias'] as const).map((name) => tangents.get(name))
  const [to, tl] = zeros(outs)
  eachRow(ins, params, (row, d) => {
    const { b, n, t, sees } = row
    const at = place(q, b, t, n, 0)
    const weights = weightsOf(row, l.data[place(l, b, n, t)])
    let mean = 0
    weights.forEach((w, s) => {
      const from = place(k, b, s, keyHead(d, n), 0)
      let ts = tb ? tb.data[place(tb, b, n, t, s)] : 0
      if (tq) ts += p.scale * dot(tq, at, k, from, d.H)
      if (tk) ts += p.scale * dot(q, at, tk, from, d.H)
      const change = sees[s] ? w * ts : 0
      mean += change
      for (let h = 0; h < d.H; h++) to.data[at + h] += change * v.data[from + h] + (tv ? w * tv.data[from + h] : 0)
    })
    tl.data[place(tl, b, n, t)] = mean
    for (let h = 0; h < d.H; h++) to.data[at + h] -= mean * o.data[at + h]
  })
  return [to, tl]
}

export function evalAttentionGrad(ins: readonly RefArray[], params: Params, outs: readonly Aval[]): RefArray[] {
  const p = attentionParams(params)
  const [q, k, v, l, delta, ct] = lastOperands(ins, p).rest
  const results = zeros(outs)
  const [dq, dk, dv, db] = (['q', 'k', 'v', 'bias'] as const).map((name) => results[p.of.indexOf(name)])
  eachRow(ins, params, (row, d) => {
    const { b, n, t, sees } = row
    const at = place(q, b, t, n, 0)
    weightsOf(row, l.data[place(l, b, n, t)]).forEach((w, s) => {
      const from = place(k, b, s, keyHead(d, n), 0)
      const ds = sees[s] ? w * (dot(ct, at, v, from, d.H) - delta.data[place(delta, b, n, t)]) : 0
      if (db) db.data[place(db, b, n, t, s)] += ds
      for (let h = 0; h < d.H; h++) {
        if (dq) dq.data[at + h] += p.scale * ds * k.data[from + h]
        if (dk) dk.data[from + h] += p.scale * ds * q.data[at + h]
        if (dv) dv.data[from + h] += w * ct.data[at + h]
      }
    })
  })
  return results
}
