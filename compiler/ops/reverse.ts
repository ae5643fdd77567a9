import type { Aval, Params } from '../ir/types.js'
import { showAval } from '../ir/types.js'
import type { Expr, Exprs } from '../kernel/expr.js'
import { op } from './op.js'
import * as p from './prim.js'
import { eachIndex, fail, linear1, stridesOf } from './rules.js'

export const reverse = op({
  name: 'reverse',
  doc: 'The same elements with the order along params.axes turned around (lax.rev).',
  infer: ([x], params) => {
    const axes = params.axes as number[]
    if (axes.some((d) => !(d >= 0 && d < x.shape.length)))
      fail(`reverse: axes [${axes.join(', ')}] are out of range for ${showAval(x)}`)
    return [x]
  },
  eval: ([x], params, [out]) => {
    const axes = params.axes as number[]
    const strides = stridesOf(x.shape)
    const data = new Float64Array(x.data.length)
    eachIndex(out.shape, (index, at) => {
      data[at] = x.data[index.reduce((n, i, d) => n + (axes.includes(d) ? x.shape[d] - 1 - i : i) * strides[d], 0)]
    })
    return [{ ...out, data }]
  },
  jvp: ({ tangents: [t], params }) => [t && p.reverse(t, params.axes as number[])],
  transpose: linear1((ct, _x, params) => p.reverse(ct, params.axes)),
  batch: ({ inputs: [x], params }) => [
    p.reverse(
      x,
      (params.axes as number[]).map((d) => d + 1),
    ),
  ],
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, read, index, params, out }) => read(0, turned(e, index, out, params)),
    inverse: ({ e, index, params, out }) => turned(e, index, out, params),
  },
  samples: [
    { inputs: [{ shape: [2, 5] }], params: { axes: [1] } },
    { inputs: [{ shape: [3, 2, 4] }], params: { axes: [0, 2] } },
    { inputs: [{ shape: [3], dtype: 'i32' }], params: { axes: [0] } },
  ],
})

const turned = (e: Exprs, index: readonly Expr[], { shape }: Aval, params: Params): Expr[] =>
  index.map((i, d) => {
    const last = shape[d] - 1
    return last > 0 && (params.axes as number[]).includes(d) ? e.call('sub', 'u32', [e.index(last), i], last) : i
  })
