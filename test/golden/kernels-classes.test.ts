import { afterAll, describe, test } from 'vitest'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { destroyDevice } from '../../runtime/device.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { checkOn, classes } from './classes.js'

afterAll(destroyDevice)

/** Every strategy. Shapes are chosen for edges: tiles that don't divide, rows of odd length, lines that are shared among lanes. */
const product = (x: AnyTensor, y: AnyTensor, lhs = 1, rhs = 0): AnyTensor =>
  p.dotGeneral(x, y, { lhsContract: [lhs], rhsContract: [rhs], lhsBatch: [], rhsBatch: [] })
const perRow = (x: AnyTensor, y: AnyTensor): AnyTensor => p.broadcastInDim(y, x.aval.shape, [0])
const gelu = (x: AnyTensor): AnyTensor => p.mul(x, p.logistic(p.mul(x, p.like(x, 1.702))))

const programs: Record<
  string,
  readonly [shapes: readonly (readonly number[])[], f: (...xs: AnyTensor[]) => AnyTensor[]]
> = {
  'NN 37,64,18': [
    [
      [37, 18],
      [18, 64],
    ],
    (x, y) => [product(x, y)],
  ],
  'NN 33,65,16': [
    [
      [33, 16],
      [16, 65],
    ],
    (x, y) => [product(x, y)],
  ],
  'NT 50,36,20': [
    [
      [50, 20],
      [36, 20],
    ],
    (x, y) => [product(x, y, 1, 1)],
  ],
  'NT 17,17,16': [
    [
      [17, 16],
      [17, 16],
    ],
    (x, y) => [product(x, y, 1, 1)],
  ],
  'TN 70,24,9': [
    [
      [9, 70],
      [9, 24],
    ],
    (x, y) => [product(x, y, 0, 0)],
  ],
  'NN 520,96,64, large enough for a wide tile': [
    [
      [520, 64],
      [64, 512],
    ],
    (x, y) => [product(x, y)],
  ],
  'dense, gelu, and both stored': [
    [[37, 18], [18, 32], [32]],
    (x, w, b) => {
      const y = p.add(product(x, w), p.broadcastInDim(b, [37, 32], [1]))
      return [y, gelu(y)]
    },
  ],
  'row sums, long and short': [
    [
      [5, 1000],
      [40, 7],
    ],
    (x, y) => [p.reduceSum(x, [1]), p.reduceMax(y, [1])],
  ],
  'column sums': [
    [
      [300, 24],
      [300, 7],
    ],
    (x, y) => [p.reduceSum(x, [0]), p.reduceMin(y, [0])],
  ],
  'sum of all': [[[3001]], (x) => [p.sumAll(p.mul(x, x))]],
  'softmax of rows, long, short, odd': [
    [
      [5, 600],
      [40, 64],
      [40, 17],
    ],
    (...xs) => xs.map((x) => p.softmax(x, 1)),
  ],
  'softmax of columns': [[[60, 8]], (x) => [p.softmax(x, 0)]],
  'centred rows and their sums': [
    [[33, 128]],
    (x) => {
      const centred = p.sub(x, perRow(x, p.mul(p.reduceSum(x, [1]), p.full([33], 1 / 128))))
      return [centred, p.reduceSum(p.mul(centred, centred), [1])]
    },
  ],
  'pointwise with a tail, transposed and broadcast': [
    [[7, 9], [9, 7], [9], [7, 1]],
    (x, y, c, r) => [
      p.add(
        p.mul(x, p.transpose(y, [1, 0])),
        p.add(p.broadcastInDim(c, [7, 9], [1]), p.broadcastInDim(r, [7, 9], [0, 1])),
      ),
    ],
  ],
  'special functions': [
    [[9, 4]],
    (x) => [
      p.erf(x),
      p.tanh(x),
      p.sin(x),
      p.cos(x),
      p.logistic(x),
      p.pow(x, p.like(x, 3)),
      p.max(x, p.like(x, 0)),
      p.select(p.lt(x, p.like(x, 0)), p.neg(x), p.exp(x)),
    ],
  ],
  'concat and pad': [
    [
      [6, 8],
      [6, 4],
    ],
    (x, y) => [p.pad(p.concat([x, y], 1), p.constant(0), [1, 0], [0, 3])],
  ],
  scatter: [
    [[30], [30, 12]],
    (x, y) => [p.mul(p.scatterAdd(p.cast(p.mul(x, p.like(x, 4)), 'i32'), y, 7), p.full([7, 12], 2))],
  ],
}

for (const name of Object.keys(classes))
  describe(name, () => {
    for (const [title, [shapes, f]] of Object.entries(programs))
      test(title, async () => {
        const random = uniform(7)
        const inputs = shapes.map(
          (shape): RefArray => ({ shape, dtype: 'f32', data: random(shape, -2, 2).data.map(Math.fround) }),
        )
        await checkOn(name, f, inputs, { rtol: 2e-5, atol: 1e-4 })
      })
  })
