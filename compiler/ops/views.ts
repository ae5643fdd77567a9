import type { Aval } from '../ir/types.js'
import { sameShape, showAval, showShape, size } from '../ir/types.js'
import type { Expr } from '../kernel/expr.js'
import { reshapeIndex } from '../kernel/expr.js'
import { FoveaError } from '../trace/error.js'
import { type AnyTensor, op, type RefArray } from './op.js'
import * as p from './prim.js'
import { eachIndex, fail, linear1, stridesOf } from './rules.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const inverse = (permutation: readonly number[]): number[] => {
  const out = permutation.map(() => 0)
  permutation.forEach((from, to) => {
    out[from] = to
  })
  return out
}

/** Fills the result by reading operand 0 at the index `from` gives; undefined: leave `fill`. */
const moved = (
  x: RefArray,
  out: Aval,
  from: (index: readonly number[]) => readonly number[] | undefined,
  fill = 0,
): RefArray[] => {
  const data = new Float64Array(size(out.shape))
  const strides = stridesOf(x.shape)
  eachIndex(out.shape, (index, at) => {
    const source = from(index)
    data[at] = source ? x.data[source.reduce((n, i, d) => n + i * strides[d], 0)] : fill
  })
  return [{ ...out, data }]
}

export const reshape = op({
  name: 'reshape',
  doc: 'The same elements, row-major, in another shape.',
  infer: ([x], params) => {
    const shape = params.shape as number[]
    if (shape.some((d) => !Number.isInteger(d) || d < 0) || size(shape) !== size(x.shape))
      fail(`reshape: ${showShape(x.shape)} has ${size(x.shape)} elements but ${showShape(shape)} has ${size(shape)}`)
    return [{ shape, dtype: x.dtype }]
  },
  eval: ([x], _params, [out]) => [{ ...out, data: x.data }],
  jvp: ({ tangents: [t], params }) => [t && p.reshape(t, params.shape as number[])],
  transpose: linear1((ct, x) => p.reshape(ct, x.shape)),
  batch: ({ inputs: [x], size: n, params }) => [p.reshape(x, [n, ...(params.shape as number[])])],
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, read, index, ins, out }) => read(0, reshapeIndex(e, index, out.shape, ins[0].shape)),
    inverse: ({ e, index, in: from, out }) => reshapeIndex(e, index, from.shape, out.shape),
    strides: ({ shape, strides, out }) => reshapeStrides(shape, strides, out.shape),
  },
  samples: [
    { inputs: [{ shape: [2, 6] }], params: { shape: [3, 4] } },
    { inputs: [{ shape: [2, 3, 4] }], params: { shape: [2, 12] } },
    { inputs: [{ shape: [4] }], params: { shape: [1, 2, 2, 1] } },
    { inputs: [{ shape: [1] }], params: { shape: [] } },
  ],
})

/** Strides of a reshaped strided view, or null when it takes a copy. Dims of size 1 are free. */
function reshapeStrides(
  from: readonly number[],
  strides: readonly number[],
  to: readonly number[],
): { strides: number[]; offset: number } | null {
  const dims = range(from.length).filter((d) => from[d] !== 1)
  const out: number[] = []
  let i = 0
  let j = 0
  while (j < to.length) {
    if (to[j] === 1) {
      out.push(0)
      j++
      continue
    }
    // One run of source dims against one run of target dims of the same size.
    const run = [dims[i]]
    let a = from[dims[i++]]
    const j0 = j
    let b = to[j++]
    while (a !== b) {
      if (a < b) {
        const next = dims[i++]
        if (strides[run[run.length - 1]] !== strides[next] * from[next]) return null
        run.push(next)
        a *= from[next]
      } else b *= to[j++]
    }
    let stride = strides[run[run.length - 1]]
    const part: number[] = []
    for (let d = j - 1; d >= j0; d--) {
      part.unshift(stride)
      stride *= to[d]
    }
    out.push(...part)
  }
  return { strides: out, offset: 0 }
}

export const transpose = op({
  name: 'transpose',
  doc: 'Permutes dims: output dim i is input dim params.permutation[i].',
  infer: ([x], params) => {
    const permutation = params.permutation as number[]
    if (
      permutation.length !== x.shape.length ||
      !sameShape(
        [...permutation].sort((a, b) => a - b),
        range(x.shape.length),
      )
    )
      fail(`transpose: ${showShape(permutation)} is not a permutation of the axes of ${showShape(x.shape)}`)
    return [{ shape: permutation.map((d) => x.shape[d]), dtype: x.dtype }]
  },
  eval: ([x], params, [out]) => {
    const back = inverse(params.permutation as number[])
    return moved(x, out, (index) => back.map((d) => index[d]))
  },
  jvp: ({ tangents: [t], params }) => [t && p.transpose(t, params.permutation as number[])],
  transpose: linear1((ct, _x, params) => p.transpose(ct, inverse(params.permutation))),
  batch: ({ inputs: [x], params }) => [p.transpose(x, [0, ...(params.permutation as number[]).map((d) => d + 1)])],
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ read, index, params }) =>
      read(
        0,
        inverse(params.permutation as number[]).map((d) => index[d]),
      ),
    inverse: ({ index, params }) => (params.permutation as number[]).map((d) => index[d]),
    strides: ({ strides, params }) => ({ strides: (params.permutation as number[]).map((d) => strides[d]), offset: 0 }),
  },
  samples: [
    { inputs: [{ shape: [2, 3] }], params: { permutation: [1, 0] } },
    { inputs: [{ shape: [2, 3, 4] }], params: { permutation: [2, 0, 1] } },
  ],
})

export const broadcastInDim = op({
  name: 'broadcastInDim',
  doc: 'Input dim i becomes output dim params.dims[i]; dims of size 1 and new dims repeat (lax.broadcast_in_dim).',
  infer: ([x], params) => {
    const shape = params.shape as number[]
    const dims = params.dims as number[]
    const ok =
      dims.length === x.shape.length &&
      dims.every(
        (d, i) => d < shape.length && (i === 0 || d > dims[i - 1]) && (x.shape[i] === 1 || x.shape[i] === shape[d]),
      )
    if (!ok)
      fail(`broadcastInDim: cannot broadcast ${showShape(x.shape)} to ${showShape(shape)} with dims ${showShape(dims)}`)
    return [{ shape, dtype: x.dtype }]
  },
  eval: ([x], params, [out]) =>
    moved(x, out, (index) => (params.dims as number[]).map((d, i) => (x.shape[i] === 1 ? 0 : index[d]))),
  jvp: ({ tangents: [t], params }) => [t && p.broadcastInDim(t, params.shape as number[], params.dims as number[])],
  transpose: linear1((ct, x, params) => {
    const dims = params.dims as number[]
    const axes = range(ct.aval.shape.length).filter(
      (d) => !dims.includes(d) || (x.shape[dims.indexOf(d)] === 1 && ct.aval.shape[d] !== 1),
    )
    const summed = axes.length ? p.reduceSum(ct, axes) : ct
    return sameShape(summed.aval.shape, x.shape) ? summed : p.reshape(summed, x.shape)
  }),
  batch: ({ inputs: [x], size: n, params }) => [
    p.broadcastInDim(x, [n, ...(params.shape as number[])], [0, ...(params.dims as number[]).map((d) => d + 1)]),
  ],
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, read, index, params, ins }) =>
      read(
        0,
        (params.dims as number[]).map((d, i) => (ins[0].shape[i] === 1 ? e.index(0) : index[d])),
      ),
    strides: ({ shape, strides, params, out }) => {
      const to = out.shape.map(() => 0)
      ;(params.dims as number[]).forEach((d, i) => {
        to[d] = shape[i] === 1 ? 0 : strides[i]
      })
      return { strides: to, offset: 0 }
    },
  },
  samples: [
    { inputs: [{ shape: [3] }], params: { shape: [2, 3], dims: [1] } },
    { inputs: [{ shape: [2, 1] }], params: { shape: [2, 3], dims: [0, 1] } },
    { inputs: [{ shape: [] }], params: { shape: [2, 2], dims: [] } },
  ],
})

export const slice = op({
  name: 'slice',
  doc: 'Elements params.start to params.limit (exclusive) in steps of params.stride, per dim.',
  infer: ([x], params) => {
    const { start, limit, stride } = params as unknown as Record<'start' | 'limit' | 'stride', number[]>
    const ok =
      start.length === x.shape.length &&
      start.every((s, d) => s >= 0 && s <= limit[d] && limit[d] <= x.shape[d] && stride[d] >= 1)
    if (!ok)
      fail(
        `slice: ${showShape(start)} to ${showShape(limit)} by ${showShape(stride)} is out of range for ${showAval(x)}`,
      )
    return [{ shape: start.map((s, d) => Math.ceil((limit[d] - s) / stride[d])), dtype: x.dtype }]
  },
  eval: ([x], params, [out]) => {
    const { start, stride } = params as unknown as Record<'start' | 'stride', number[]>
    return moved(x, out, (index) => index.map((i, d) => start[d] + i * stride[d]))
  },
  jvp: ({ tangents: [t], params }) => {
    const { start, limit, stride } = params as unknown as Record<'start' | 'limit' | 'stride', number[]>
    return [t && p.slice(t, start, limit, stride)]
  },
  transpose: linear1((ct, x, { start, stride }) => {
    const interior = (stride as number[]).map((s) => s - 1)
    const high = x.shape.map((n, d) => n - start[d] - (ct.aval.shape[d] ? (ct.aval.shape[d] - 1) * stride[d] + 1 : 0))
    return p.pad(ct, p.constant(0, ct.aval.dtype), start, high, interior)
  }),
  batch: ({ inputs: [x], size: n, params }) => {
    const { start, limit, stride } = params as unknown as Record<'start' | 'limit' | 'stride', number[]>
    return [p.slice(x, [0, ...start], [n, ...limit], [1, ...stride])]
  },
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, read, index, params }) => {
      const { start, stride } = params as unknown as Record<'start' | 'stride', number[]>
      return read(
        0,
        index.map((i, d) => e.iadd(e.imul(i, stride[d]), e.index(start[d]))),
      )
    },
    strides: ({ strides, params }) => {
      const { start, stride } = params as unknown as Record<'start' | 'stride', number[]>
      return { strides: strides.map((s, d) => s * stride[d]), offset: start.reduce((n, s, d) => n + s * strides[d], 0) }
    },
  },
  samples: [
    { inputs: [{ shape: [4, 5] }], params: { start: [1, 0], limit: [3, 5], stride: [1, 2] } },
    { inputs: [{ shape: [6] }], params: { start: [2], limit: [6], stride: [3] } },
  ],
})

export const pad = op({
  name: 'pad',
  doc: 'Adds params.low and params.high elements per dim (negative: crops) and params.interior between neighbours, of the value of operand 1 (lax.pad).',
  infer: ([x, value], params) => {
    const { low, high, interior } = params as unknown as Record<'low' | 'high' | 'interior', number[]>
    if (value.shape.length || value.dtype !== x.dtype)
      fail(`pad: expected a scalar ${x.dtype} to pad with, got ${showAval(value)}`)
    if (low.length !== x.shape.length || high.length !== x.shape.length)
      fail(
        `pad: expected ${x.shape.length} widths for ${showAval(x)}, got low ${showShape(low)} and high ${showShape(high)}`,
      )
    if (interior.length !== x.shape.length || interior.some((n) => n < 0))
      fail(`pad: expected interior widths of at least 0 for ${showAval(x)}, got ${showShape(interior)}`)
    const shape = x.shape.map((n, d) => low[d] + high[d] + n + Math.max(0, n - 1) * interior[d])
    if (shape.some((n) => n < 0))
      fail(`pad: low ${showShape(low)} and high ${showShape(high)} crop more than ${showAval(x)} has`)
    return [{ shape, dtype: x.dtype }]
  },
  eval: ([x, value], params, [out]) => {
    const { low, interior } = params as unknown as Record<'low' | 'interior', number[]>
    const source = (index: readonly number[]): number[] | undefined => {
      const at = index.map((i, d) => (i - low[d]) / (interior[d] + 1))
      return at.every((i, d) => Number.isInteger(i) && i >= 0 && i < x.shape[d]) ? at : undefined
    }
    return moved(x, out, source, value.data[0])
  },
  jvp: ({ inputs: [x, value], tangents: [t, tv], params }) => {
    const { low, high, interior } = params as unknown as Record<'low' | 'high' | 'interior', number[]>
    return [t || tv ? p.pad(t ?? p.like(x, 0), tv ?? p.like(value, 0), low, high, interior) : null]
  },
  transpose: ({ cotangents: [ct], inputs: [x], linear, params }) => {
    if (!ct) return [null, null]
    const { low, high, interior } = params as unknown as Record<'low' | 'high' | 'interior', number[]>
    // The transpose crops what was added, then takes every (interior + 1)-th element.
    const zero = p.constant(0, ct.aval.dtype)
    const whole = p.pad(
      ct,
      zero,
      low.map((n) => -n),
      high.map((n) => -n),
      low.map(() => 0),
    )
    const dx = p.slice(
      whole,
      low.map(() => 0),
      whole.aval.shape,
      interior.map((n) => n + 1),
    )
    const inside = linear[1] ? p.sumAll(dx) : null
    return [linear[0] ? checkShape(dx, x) : null, inside && p.sub(p.sumAll(ct), inside)]
  },
  batch: ({ inputs: [x, value], batched, size: n, params }) => {
    if (batched[1]) {
      // A pad value per example: pad with 0 and choose.
      const { low, high, interior } = params as unknown as Record<'low' | 'high' | 'interior', number[]>
      const full = batched[0]
        ? x
        : p.broadcastInDim(
            x,
            [n, ...x.aval.shape],
            range(x.aval.shape.length).map((d) => d + 1),
          )
      const [l, h, s] = [low, high, interior].map((w) => [0, ...w])
      const inside = p.pad(p.cast(p.like(full, 1), 'bool'), p.constant(0, 'bool'), l, h, s)
      const values = p.pad(full, p.constant(0, x.aval.dtype), l, h, s)
      return [p.select(inside, values, p.broadcastInDim(value, values.aval.shape, [0]))]
    }
    const { low, high, interior } = params as unknown as Record<'low' | 'high' | 'interior', number[]>
    return [p.pad(x, value, [0, ...low], [0, ...high], [0, ...interior])]
  },
  kernel: {
    kind: 'map',
    cost: 1,
    value: ({ e, read, index, params, ins, out }) => {
      const { low, interior } = params as unknown as Record<'low' | 'interior', number[]>
      const tests: Expr[] = []
      const at = index.map((i, d) => {
        const n = ins[0].shape[d]
        const step = interior[d] + 1
        const span = (n - 1) * step + 1
        if (low[d] === 0 && step === 1 && out.shape[d] <= n) return i
        // Negative positions wrap in u32 and so fail the upper bound.
        const from = low[d] > 0 ? e.call('sub', 'u32', [i, e.index(low[d])]) : e.iadd(i, e.index(-low[d]))
        let test = e.call('lt', 'bool', [from, e.index(span)])
        if (step > 1)
          test = e.call('and', 'bool', [
            test,
            e.call('eq', 'bool', [e.call('imod', 'u32', [from, e.index(step)]), e.index(0)]),
          ])
        tests.push(test)
        return e.call(
          'select',
          'u32',
          [test, step > 1 ? e.call('idiv', 'u32', [from, e.index(step)]) : from, e.index(0)],
          n - 1,
        )
      })
      const inside = tests.length ? tests.reduce((a, b) => e.call('and', 'bool', [a, b])) : e.lit('bool', 1)
      return e.call('select', out.dtype, [inside, read(0, at), read(1, [])])
    },
  },
  samples: [
    { inputs: [{ shape: [2, 3] }, { shape: [] }], params: { low: [1, 0], high: [0, 2], interior: [0, 0] } },
    { inputs: [{ shape: [4] }, { shape: [] }], params: { low: [-1], high: [2], interior: [1] } },
    { inputs: [{ shape: [3] }, { shape: [] }], params: { low: [0], high: [-1], interior: [0] } },
  ],
})
const checkShape = (dx: AnyTensor, x: AnyTensor): AnyTensor => {
  if (!sameShape(dx.aval.shape, x.aval.shape))
    throw new FoveaError(
      'shape',
      `pad: the gradient of a pad that crops elements apart is not defined for ${showAval(x.aval)}`,
    )
  return dx
}

export const concat = op({
  name: 'concat',
  doc: 'Joins operands along params.axis.',
  infer: (ins, params) => {
    const axis = params.axis as number
    const [first] = ins
    if (!first) fail('concat: expected at least one operand, got none')
    if (!(axis >= 0 && axis < first.shape.length))
      fail(`concat: axis ${axis} is out of range for shape ${showShape(first.shape)}`)
    for (const x of ins) {
      if (x.shape.length !== first.shape.length || x.shape.some((n, d) => d !== axis && n !== first.shape[d]))
        fail(`concat(axis ${axis}): expected equal dims except at the axis, got ${ins.map(showAval).join(', ')}`)
      if (x.dtype !== first.dtype)
        throw new FoveaError('dtype', `concat: expected operands of one dtype, got ${ins.map(showAval).join(', ')}`)
    }
    return [
      {
        shape: first.shape.map((n, d) => (d === axis ? ins.reduce((m, x) => m + x.shape[axis], 0) : n)),
        dtype: first.dtype,
      },
    ]
  },
  eval: (ins, params, [out]) => {
    const axis = params.axis as number
    const data = new Float64Array(size(out.shape))
    const inner = size(out.shape.slice(axis + 1))
    const outer = size(out.shape.slice(0, axis))
    let at = 0
    for (let o = 0; o < outer; o++)
      for (const x of ins) {
        const n = x.shape[axis] * inner
        data.set(x.data.subarray(o * n, (o + 1) * n), at)
        at += n
      }
    return [{ ...out, data }]
  },
  jvp: ({ inputs, tangents, params }) => [
    tangents.some((t) => t)
      ? p.concat(
          tangents.map((t, i) => t ?? p.like(inputs[i], 0)),
          params.axis as number,
        )
      : null,
  ],
  transpose: ({ cotangents: [ct], inputs, linear, params }) => {
    const axis = params.axis as number
    let at = 0
    return inputs.map((x, i) => {
      const from = at
      at += x.aval.shape[axis]
      if (!ct || !linear[i]) return null
      return p.slice(
        ct,
        ct.aval.shape.map((_, d) => (d === axis ? from : 0)),
        ct.aval.shape.map((n, d) => (d === axis ? from + x.aval.shape[axis] : n)),
      )
    })
  },
  batch: ({ inputs, batched, size: n, params }) => [
    p.concat(
      inputs.map((x, i) =>
        batched[i]
          ? x
          : p.broadcastInDim(
              x,
              [n, ...x.aval.shape],
              range(x.aval.shape.length).map((d) => d + 1),
            ),
      ),
      (params.axis as number) + 1,
    ),
  ],
  kernel: {
    kind: 'map',
    associative: true,
    cost: 1,
    value: ({ e, read, index, params, ins, out }) => {
      const axis = params.axis as number
      let start = size([out.shape[axis]])
      let value = undefined as ReturnType<typeof read> | undefined
      for (let i = ins.length - 1; i >= 0; i--) {
        const n = ins[i].shape[axis]
        start -= n
        if (n === 0) continue
        const inside = e.call('lt', 'bool', [index[axis], e.index(start + n)])
        const at = start === 0 ? index[axis] : e.call('sub', 'u32', [index[axis], e.index(start)], n - 1)
        // Positions outside an operand are clamped: both arms of a select run.
        const safe = e.call('min', 'u32', [at, e.index(n - 1)], n - 1)
        const here = read(
          i,
          index.map((x, d) => (d === axis ? (ins.length === 1 ? x : safe) : x)),
        )
        value = value ? e.call('select', out.dtype, [inside, here, value]) : here
      }
      return value!
    },
  },
  samples: [
    { inputs: [{ shape: [2, 3] }, { shape: [2, 1] }], params: { axis: 1 } },
    { inputs: [{ shape: [2] }, { shape: [3] }, { shape: [1] }], params: { axis: 0 } },
  ],
})
