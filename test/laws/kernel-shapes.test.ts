import * as fc from 'fast-check'
import { afterAll, test } from 'vitest'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { destroyDevice } from '../../index.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { checkOn, classes } from '../golden/classes.js'

afterAll(destroyDevice)

/** Kernels at sizes around their tiles, lanes and unrolling, with what is fused before and after, against the reference. */
const runs = { numRuns: 60, endOnFailure: true }
const side = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(15, 16, 17, 31, 32, 33, 40, 48, 63, 64, 65))
const draw = (seed: number, ...shapes: number[][]): RefArray[] => {
  const random = uniform(seed)
  return shapes.map((shape) => {
    const x = random(shape, -1, 1)
    return { ...x, data: x.data.map(Math.fround) }
  })
}
const adapters = fc.constantFrom(...Object.keys(classes))
const seeds = fc.integer({ min: 1, max: 1e6 })
const tolerance = { rtol: 2e-4, atol: 2e-4 }

test('products of any layout, batched or not, with bias, activation and residual', async () => {
  const layout = fc.constantFrom('NN', 'NT', 'TN', 'TT')
  const tail = fc.constantFrom('none', 'bias', 'bias+tanh', 'residual', 'two results', 'transposed')
  await fc.assert(
    fc.asyncProperty(
      adapters,
      fc.integer({ min: 0, max: 3 }),
      side,
      side,
      side,
      layout,
      tail,
      seeds,
      async (on, b, m, n, k, kind, end, seed) => {
        const batch = b ? [b] : []
        const [x, y, bias, residual] = draw(
          seed,
          [...batch, ...(kind[0] === 'T' ? [k, m] : [m, k])],
          [...batch, ...(kind[1] === 'T' ? [n, k] : [k, n])],
          [n],
          [...batch, m, n],
        )
        const d = batch.length
        const dims = {
          lhsBatch: batch.map((_, i) => i),
          rhsBatch: batch.map((_, i) => i),
          lhsContract: [kind[0] === 'T' ? d : d + 1],
          rhsContract: [kind[1] === 'T' ? d + 1 : d],
        }
        const f = (u: AnyTensor, v: AnyTensor, c: AnyTensor, r: AnyTensor): AnyTensor[] => {
          const z = p.dotGeneral(u, v, dims)
          const biased = p.add(z, p.broadcastInDim(c, z.aval.shape, [d + 1]))
          if (end === 'none') return [z]
          if (end === 'bias') return [biased]
          if (end === 'bias+tanh') return [p.tanh(biased)]
          if (end === 'residual') return [p.add(r, biased)]
          if (end === 'two results') return [biased, p.exp(p.neg(p.mul(biased, biased)))]
          return [p.transpose(biased, [...batch.map((_, i) => i), d + 1, d])]
        }
        await checkOn(on, f as (...xs: AnyTensor[]) => AnyTensor[], [x, y, bias, residual], tolerance)
      },
    ),
    runs,
  )
})

test('reductions along any axes, alone and between pointwise work of both levels', async () => {
  const shapes = fc.array(side, { minLength: 1, maxLength: 3 }).filter((s) => s.reduce((a, b) => a * b, 1) <= 40_000)
  const kind = fc.constantFrom('sum', 'max', 'softmax', 'normalise', 'sum and max')
  await fc.assert(
    fc.asyncProperty(
      adapters,
      shapes,
      fc.integer({ min: 1, max: 7 }),
      kind,
      seeds,
      async (on, shape, mask, what, seed) => {
        const axes = shape.map((_, i) => i).filter((i) => (mask >> i) % 2 === 1)
        fc.pre(axes.length > 0)
        const f = (x: AnyTensor): AnyTensor[] => {
          const back = (y: AnyTensor): AnyTensor => p.unreduce(y, shape, axes)
          if (what === 'sum') return [p.reduceSum(p.mul(x, x), axes)]
          if (what === 'max') return [p.reduceMax(p.neg(x), axes)]
          if (what === 'softmax') {
            const e = p.exp(p.sub(x, back(p.reduceMax(x, axes))))
            return [p.div(e, back(p.reduceSum(e, axes)))]
          }
          if (what === 'sum and max') return [p.reduceSum(x, axes), p.reduceMax(p.mul(x, x), axes)]
          const centred = p.sub(x, back(p.reduceSum(x, axes)))
          return [
            p.mul(
              centred,
              back(p.rsqrt(p.add(p.reduceSum(p.mul(centred, centred), axes), p.like(p.reduceSum(x, axes), 1)))),
            ),
          ]
        }
        await checkOn(on, f as (...xs: AnyTensor[]) => AnyTensor[], draw(seed, shape), { rtol: 1e-3, atol: 1e-3 })
      },
    ),
    runs,
  )
})

test('views before and after pointwise work', async () => {
  await fc.assert(
    fc.asyncProperty(adapters, side, side, fc.integer({ min: 1, max: 4 }), seeds, async (on, a, b, c, seed) => {
      const f = (x: AnyTensor, y: AnyTensor): AnyTensor[] => {
        const turned = p.transpose(x, [2, 0, 1])
        const rows = p.reshape(turned, [c * a, b])
        const padded = p.pad(rows, p.constant(0), [1, 0], [0, 2])
        const cut = p.slice(padded, [1, 0], [c * a + 1, b])
        const joined = p.concat([p.add(cut, rows), p.broadcastInDim(y, [3, b], [1])], 0)
        return [joined, p.reduceSum(p.reshape(joined, [(c * a + 3) * b]), [0])]
      }
      await checkOn(on, f as (...xs: AnyTensor[]) => AnyTensor[], draw(seed, [a, b, c], [b]), tolerance)
    }),
    runs,
  )
})

test('rows gathered and summed back', async () => {
  await fc.assert(
    fc.asyncProperty(adapters, side, side, side, seeds, async (on, rows, n, width, seed) => {
      const [table, updates] = draw(seed, [rows, width], [n, width])
      const ids: RefArray = {
        shape: [n],
        dtype: 'i32',
        data: Float64Array.from({ length: n }, (_, i) => ((i * 7 + seed) % (rows + 1)) - (i % 11 === 0 ? 1 : 0)),
      }
      const f = (t: AnyTensor, i: AnyTensor, u: AnyTensor): AnyTensor[] => [
        p.gather(t, p.min(p.max(i, p.like(i, 0)), p.like(i, rows - 1))),
        p.mul(p.scatterAdd(i, u, rows), t),
      ]
      await checkOn(on, f as (...xs: AnyTensor[]) => AnyTensor[], [table, ids, updates], tolerance)
    }),
    runs,
  )
})
