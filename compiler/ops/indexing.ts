import { classes } from '../ir/dtype.js'
import { isFloat, showAval, showShape, size } from '../ir/types.js'
import { FoveaError } from '../trace/error.js'
import { op } from './op.js'
import * as p from './prim.js'
import { asResult, fail, takes } from './rules.js'
import { batchScatter, inRange, overRows, range, sortedWhereLarge } from './scatter-rules.js'

export const gather = op({
  name: 'gather',
  doc: 'Rows of operand 0 [V, …rest] at the i32 ids of operand 1 [...S] → [...S, …rest]. Ids outside 0…V-1 give NaN (floats) or 0.',
  infer: ([x, ids]) => {
    if (x.shape.length < 1) fail(`gather: expected a table of rank >= 1, got ${showAval(x)}`)
    if (ids.dtype !== 'i32') throw new FoveaError('dtype', `gather: expected i32 ids, got ${showAval(ids)}`)
    return [{ shape: [...ids.shape, ...x.shape.slice(1)], dtype: x.dtype }]
  },
  eval: ([x, ids], _params, [out]) => {
    const row = size(x.shape.slice(1))
    const data = new Float64Array(size(out.shape)).fill(isFloat(out.dtype) ? Number.NaN : 0)
    ids.data.forEach((id, i) => {
      if (id >= 0 && id < x.shape[0]) data.set(x.data.subarray(id * row, (id + 1) * row), i * row)
    })
    return [{ ...out, data }]
  },
  jvp: ({ inputs: [, ids], tangents: [t] }) => [t && p.gather(t, ids)],
  transpose: ({ cotangents: [ct], inputs: [x, ids], linear }) => [
    linear[0] && ct ? p.scatterAdd(ids, ct, x.aval.shape[0]) : null,
    null,
  ],
  batch: ({ inputs: [x, ids], batched, size: n }) => {
    if (!batched[0]) return [p.gather(x, ids)]
    const [, rows, ...rest] = x.aval.shape
    if (batched[1]) {
      // One table of n·rows rows; ids outside their own table stay outside.
      const offset = p.mul(p.iota(ids.aval.shape, 0), p.like(ids, rows))
      return [
        p.gather(
          p.reshape(x, [n * rows, ...rest]),
          p.select(inRange(ids, rows), p.add(ids, offset), p.like(ids, n * rows)),
        ),
      ]
    }
    const s = ids.aval.shape.length
    const y = p.gather(p.transpose(x, [1, 0, ...range(rest.length, 2)]), ids)
    return [p.transpose(y, [s, ...range(s), ...range(rest.length, s + 1)])]
  },
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, read, index, ins: [x, ids], out }) => {
      const at = index.slice(0, ids.shape.length)
      const id = read(1, at)
      const row = e.call('cast', 'u32', [id])
      // Negative ids wrap above every row count.
      const inside = e.call('lt', 'bool', [row, e.index(x.shape[0])])
      const safe = e.call('min', 'u32', [row, e.index(x.shape[0] - 1)], x.shape[0] - 1)
      return e.call('select', out.dtype, [
        inside,
        read(0, [safe, ...index.slice(ids.shape.length)]),
        e.lit(out.dtype, isFloat(out.dtype) ? Number.NaN : 0),
      ])
    },
  },
  samples: [
    { inputs: [{ shape: [5, 3] }, { shape: [4], dtype: 'i32', low: 0, high: 4 }] },
    { inputs: [{ shape: [5] }, { shape: [2, 2], dtype: 'i32', low: 0, high: 4 }] },
    { inputs: [{ shape: [4, 2, 3] }, { shape: [], dtype: 'i32', low: 0, high: 3 }] },
    {
      inputs: [
        { shape: [3, 2], dtype: 'i32', low: 0, high: 9 },
        { shape: [4], dtype: 'i32', values: [0, -1, 7, 2] },
      ],
    },
  ],
})

export const scatterAdd = op({
  name: 'scatterAdd',
  doc: 'Sums rows of operand 1 [...S, …rest] by the i32 ids of operand 0 [...S] into [params.rows, …rest]; ids outside are dropped. The order of addition is fixed; sums of f16 and bf16 are f32, rounded once.',
  infer: ([ids, updates], params) => {
    if (ids.dtype !== 'i32') throw new FoveaError('dtype', `scatterAdd: expected i32 ids, got ${showAval(ids)}`)
    takes('scatterAdd', updates, classes['a number'])
    if (ids.shape.some((n, d) => updates.shape[d] !== n))
      fail(`scatterAdd: expected updates of shape [${[...ids.shape, '…'].join(', ')}], got ${showShape(updates.shape)}`)
    const rows = params.rows as number
    if (!(Number.isInteger(rows) && rows >= 0)) fail(`scatterAdd: expected a number of rows, got ${rows}`)
    return [{ shape: [rows, ...updates.shape.slice(ids.shape.length)], dtype: updates.dtype }]
  },
  eval: ([ids, updates], _params, [out]) => {
    const row = size(out.shape.slice(1))
    const data = new Float64Array(size(out.shape))
    ids.data.forEach((id, i) => {
      if (id >= 0 && id < out.shape[0]) for (let j = 0; j < row; j++) data[id * row + j] += updates.data[i * row + j]
    })
    return [asResult(out, data)]
  },
  jvp: ({ inputs: [ids], tangents: [, t], params }) => [t && p.scatterAdd(ids, t, params.rows as number)],
  transpose: ({ cotangents: [ct], inputs: [ids, updates], linear, params }) => {
    if (!ct || !linear[1]) return [null, null]
    const rows = p.gather(ct, ids)
    return [null, p.select(overRows(inRange(ids, params.rows as number), updates.aval.shape), rows, p.like(rows, 0))]
  },
  batch: batchScatter(p.scatterAdd),
  kernel: { kind: 'scatter', combine: 'add', ...sortedWhereLarge('add') },
  samples: [
    { inputs: [{ shape: [4], dtype: 'i32', low: 0, high: 4 }, { shape: [4, 3] }], params: { rows: 5 } },
    { inputs: [{ shape: [2, 2], dtype: 'i32', values: [0, -1, 7, 0] }, { shape: [2, 2, 2] }], params: { rows: 3 } },
  ],
})
