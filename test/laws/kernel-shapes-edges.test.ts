import { afterAll, describe, test } from 'vitest'
import { conv, cumsum, sort, topK } from '../../compiler/lang/index.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { vjp } from '../../compiler/transform/index.js'
import { destroyDevice } from '../../index.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { checkOn, classes } from '../golden/classes.js'

afterAll(destroyDevice)

/**
 * Every strategy at the sizes where tiles, vectors, lanes and shares end, on every class of adapter, against the reference and
 * twice with the same bits. Sizes are paired so that each meets several others; which class runs which case goes round, so that
 * every class runs every size of every strategy's sides.
 */
const sizes = [1, 3, 7, 31, 33, 127, 129, 251, 1000] as const
type F = (...xs: AnyTensor[]) => AnyTensor[]
interface Case {
  readonly title: string
  readonly shapes: readonly (readonly number[])[]
  readonly f: F
  /** Inputs that are whole numbers below this, by position. */
  readonly ids?: Readonly<Record<number, number>>
}
const names = Object.keys(classes)

function run(cases: readonly Case[], tolerance = { rtol: 2e-4, atol: 2e-4 }, everywhere = false): void {
  for (const i of cases.keys()) for (const on of everywhere ? names : [names[i % names.length]]) check(i, on)

  function check(i: number, on: string): void {
    const { title, shapes, f, ids = {} } = cases[i]
    test(`${title}, ${on}`, async () => {
      const random = uniform(i + 1)
      const inputs = shapes.map((shape, at): RefArray => {
        const { data } = random(shape, -1, 1)
        if (!(at in ids)) return { shape, dtype: 'f32', data: data.map(Math.fround) }
        return { shape, dtype: 'i32', data: data.map((x) => Math.floor(((x + 1) / 2) * ids[at])) }
      })
      await checkOn(on, f, inputs, tolerance)
    })
  }
}
/** Each size with `each` others, never more than `most` in all; every other turn the pair is the other way round. */
function pairs(each: number, most: number): [number, number][] {
  return sizes.flatMap((a, i) =>
    Array.from({ length: each }, (_, j): [number, number] => {
      const b = sizes[(i + 2 * j + 1) % sizes.length]
      return a * b <= most ? [a, b] : [a, 7]
    }),
  )
}

describe('products', () => {
  const layouts = ['NN', 'NT', 'TN', 'TT'] as const
  type Layout = (typeof layouts)[number]
  const product = (kind: Layout, batch: 'none' | 'both' | 'left', m: number, n: number, k: number): Case => {
    const b = batch === 'none' ? [] : [3]
    const [x, y] = [kind[0] === 'T' ? [k, m] : [m, k], kind[1] === 'T' ? [n, k] : [k, n]]
    const d = b.length
    const dims = {
      lhsBatch: b.map((_, i) => i),
      rhsBatch: b.map((_, i) => i),
      lhsContract: [d + (kind[0] === 'T' ? 0 : 1)],
      rhsContract: [d + (kind[1] === 'T' ? 1 : 0)],
    }
    const spread = (v: AnyTensor): AnyTensor => (batch === 'left' ? p.broadcastInDim(v, [3, ...y], [1, 2]) : v)
    return {
      title: `${kind} ${m}×${n}×${k}${batch === 'none' ? '' : batch === 'both' ? ', batched' : ', broadcast batch'}`,
      shapes: [[...b, ...x], batch === 'left' ? y : [...b, ...y], [n]],
      f: (u, v, bias) => {
        const z = p.dotGeneral(u, spread(v), dims)
        return [p.add(z, p.broadcastInDim(bias, z.aval.shape, [d + 1]))]
      },
    }
  }
  const batches = ['none', 'both', 'left'] as const
  const triples = sizes.flatMap((m, i) =>
    [0, 1, 2, 3].map((j): [number, number, number] => [m, sizes[(i + 2 * j + 1) % 9], sizes[(5 * i + 4 * j + 3) % 9]]),
  )
  run(
    triples
      .filter(([m, n, k]) => m * n * k <= 5e6)
      .map(([m, n, k], i) => product(layouts[(i + (i >> 2)) % 4], batches[m * n * k > 1e6 ? 0 : i % 3], m, n, k)),
  )
  // Few rows or columns, a sum of any length: what decoding a token does, and gradients of small layers.
  const few = [1, 2, 3, 4, 5, 8]
  run(
    few.flatMap((a, i) => {
      const [b, k] = [sizes[(2 * i + 3) % 9], [251, 1000, 1027, 4096][i % 4]]
      return [product(layouts[i % 4], 'none', a, b, k), product(layouts[(i + 1) % 4], 'none', b, a, k)]
    }),
  )
  run(
    [
      [1, 1, 4099],
      [4, 4, 3001],
      [8, 12, 2048],
      [33, 5, 2999],
      [1, 1000, 33],
      [1000, 1, 127],
      [2, 64, 512],
      [64, 1, 512],
    ].map(([m, n, k], i) => product(layouts[(i + 1) % 4], i % 3 ? 'none' : 'both', m, n, k)),
    undefined,
    true,
  )
})

describe('reductions', () => {
  run(
    pairs(2, 130_000).map(([a, b]) => ({
      title: `rows and columns of ${a}×${b}`,
      shapes: [[a, b]],
      f: (x) => [p.reduceSum(x, [1]), p.reduceSum(p.mul(x, x), [0]), p.reduceMax(x, [1])],
    })),
  )
  run(
    sizes.map((n, i) => {
      const [a, b] = [sizes[(i + 2) % 7], sizes[(i + 4) % 6]]
      return {
        title: `all and the middle of ${a}×${n}×${b}`,
        shapes: [[a, n, b]],
        f: (x) => [p.reduceSum(x, [1]), p.reduceMin(x, [0, 1, 2]), p.reduceSum(x, [0, 2])],
      }
    }),
  )
})

describe('rows', () => {
  const back = (y: AnyTensor, like: AnyTensor, axis: number): AnyTensor =>
    p.broadcastInDim(y, like.aval.shape, [1 - axis])
  const normalised = (x: AnyTensor, axis: number): AnyTensor => {
    const n = x.aval.shape[axis]
    const mean = (y: AnyTensor): AnyTensor => p.mul(p.reduceSum(y, [axis]), p.like(p.reduceSum(y, [axis]), 1 / n))
    const centred = p.sub(x, back(mean(x), x, axis))
    const variance = mean(p.mul(centred, centred))
    return p.mul(centred, back(p.rsqrt(p.add(variance, p.like(variance, 1e-2))), x, axis))
  }
  run(
    pairs(2, 70_000).map(([a, b]) => ({
      title: `softmax and norms of ${a}×${b}`,
      shapes: [[a, b]],
      f: (x) => [p.softmax(x, 1), normalised(x, 1), p.softmax(x, 0)],
    })),
    { rtol: 1e-3, atol: 1e-4 },
  )
})

describe('views', () => {
  run(
    pairs(2, 130_000).map(([a, b]) => ({
      title: `transposes of ${a}×${b}`,
      shapes: [
        [a, b],
        [b, 3, a > 40 ? 2 : a],
      ],
      f: (x, y) => [p.transpose(x, [1, 0]), p.transpose(y, [2, 1, 0]), p.exp(p.transpose(y, [1, 0, 2]))],
    })),
  )
})

describe('indices', () => {
  run(
    pairs(2, 130_000).map(([n, rows], i) => {
      const width = sizes[i % 5]
      return {
        title: `${n} of ${rows} rows of ${width}, gathered and summed`,
        shapes: [[n], [rows, width], [n, width]],
        ids: { 0: rows },
        f: (at, table, updates) => [p.gather(table, at), p.scatterAdd(at, updates, rows)],
      }
    }),
  )
  run(
    pairs(1, 130_000).map(([a, b]) => ({
      title: `running totals of ${a}×${b}`,
      shapes: [[a, b]],
      f: (x) => [cumsum(x, 1) as AnyTensor, cumsum(x, 0) as AnyTensor],
    })),
    { rtol: 1e-3, atol: 1e-3 },
  )
  run(
    sizes.map((n, i) => ({
      title: `sorted rows of ${n}`,
      shapes: [[sizes[i % 3], n]],
      f: (x) => {
        const { values, indices } = topK(x, Math.min(n, 3)) as { values: AnyTensor; indices: AnyTensor }
        return [sort(x, -1) as AnyTensor, values, indices]
      },
    })),
  )
})

describe('convolutions', () => {
  const kinds = [
    ['1×1', 1, 1, 1, 'valid'],
    ['3×3', 3, 1, 1, 'same'],
    ['3×3 of stride 2', 3, 2, 1, 'same'],
    ['5×5 in groups', 5, 1, 2, 'same'],
    ['depthwise 3×3', 3, 1, 0, 'same'],
    ['patches 4×4', 4, 4, 1, 'valid'],
  ] as const
  const spatial = [7, 9, 13, 16, 31]
  run(
    kinds.flatMap(([title, k, stride, groups, padding], i) =>
      [0, 1].map((j): Case => {
        const [h, w] = [spatial[(i + j) % 5], spatial[(i + 2 * j + 1) % 5]]
        const c = groups === 2 ? 6 : [3, 7, 8, 4][(i + j) % 4]
        const g = groups === 0 ? c : groups
        const o = groups === 0 ? c : groups === 2 ? 10 : [5, 8, 3][(i + j) % 3]
        const f = (x: AnyTensor, w: AnyTensor): AnyTensor =>
          conv(x, w, { stride: [stride, stride], padding, groups: g } as never) as AnyTensor
        return {
          title: `${title}, ${h}×${w}×${c} to ${o}, with gradients`,
          shapes: [
            [2, h, w, c],
            [k, k, c / g, o],
          ],
          f: (x, w) => {
            const [y, pullback] = vjp(f, x, w)
            return [y, ...pullback(p.mul(y, y))]
          },
        }
      }),
    ),
    { rtol: 1e-3, atol: 1e-3 },
  )
})

describe('attention', () => {
  run(
    [
      [1, 31, 4],
      [3, 127, 8],
      [7, 7, 3],
      [31, 33, 16],
      [33, 129, 4],
      [129, 127, 8],
      [127, 251, 5],
      [251, 31, 12],
    ].map(([T, S, H], i) => ({
      title: `${T} queries of ${S} keys of ${H}, with gradients`,
      shapes: [
        [1, T, 2, H],
        [1, S, 2, H],
        [1, S, 2, H],
      ],
      f: (q, k, v) => {
        const [y, pullback] = vjp(
          (...xs: AnyTensor[]) => p.attention(xs[0], xs[1], xs[2], { isCausal: i % 2 === 1, scale: 0.7 })[0],
          q,
          k,
          v,
        )
        return [y, ...pullback(y)]
      },
    })),
  )
})
