import { classes } from '../ir/dtype.js'
import { binary, one, two, unary } from './elementwise.js'
import type { AnyTensor } from './op.js'
import * as p from './prim.js'

/** Elementary functions beyond those of elementwise.ts: each within a few ulp over its range, where a composition would not be. */

const square = (x: AnyTensor): AnyTensor => p.mul(x, x)
const onePlus = (x: AnyTensor): AnyTensor => p.add(p.like(x, 1), x)
const oneMinus = (x: AnyTensor): AnyTensor => p.sub(p.like(x, 1), x)

export const exp2 = unary('exp2', {
  doc: '2 to the power x.',
  f: (x) => 2 ** x,
  slope: (x, y, t) => p.mul(t, p.mul(y, p.like(x, Math.LN2))),
  cost: 10,
  samples: one(-4, 4),
})
export const expm1 = unary('expm1', {
  doc: 'exp(x) - 1, with its digits near 0.',
  f: Math.expm1,
  slope: (x, _y, t) => p.mul(t, p.exp(x)),
  cost: 10,
  samples: [...one(-3, 3), ...one(1e-5, 1e-4)],
})
export const log1p = unary('log1p', {
  doc: 'log(1 + x), with its digits near 0.',
  f: Math.log1p,
  slope: (x, _y, t) => p.div(t, onePlus(x)),
  cost: 12,
  samples: [...one(-0.8, 4), ...one(1e-5, 1e-4)],
})
export const tan = unary('tan', {
  doc: 'Tangent, in radians.',
  f: Math.tan,
  slope: (_x, y, t) => p.mul(t, onePlus(square(y))),
  cost: 12,
  samples: one(-1.4, 1.4),
})
export const asin = unary('asin', {
  doc: 'Inverse sine, -π/2 to π/2; NaN outside -1 to 1.',
  f: Math.asin,
  slope: (x, _y, t) => p.mul(t, p.rsqrt(p.mul(oneMinus(x), onePlus(x)))),
  cost: 10,
  samples: one(-0.95, 0.95),
})
export const acos = unary('acos', {
  doc: 'Inverse cosine, 0 to π; NaN outside -1 to 1.',
  f: Math.acos,
  slope: (x, _y, t) => p.neg(p.mul(t, p.rsqrt(p.mul(oneMinus(x), onePlus(x))))),
  cost: 10,
  samples: one(-0.95, 0.95),
})
export const atan = unary('atan', {
  doc: 'Inverse tangent, -π/2 to π/2.',
  f: Math.atan,
  slope: (x, _y, t) => p.div(t, onePlus(square(x))),
  cost: 10,
  samples: [...one(-3, 3), ...one(30, 100)],
})
export const sinh = unary('sinh', {
  doc: 'Hyperbolic sine.',
  f: Math.sinh,
  slope: (x, _y, t) => p.mul(t, p.cosh(x)),
  cost: 14,
  samples: one(-3, 3),
})
export const cosh = unary('cosh', {
  doc: 'Hyperbolic cosine.',
  f: Math.cosh,
  slope: (x, _y, t) => p.mul(t, p.sinh(x)),
  cost: 12,
  samples: one(-3, 3),
})
export const asinh = unary('asinh', {
  doc: 'Inverse hyperbolic sine.',
  f: Math.asinh,
  slope: (x, _y, t) => p.mul(t, p.rsqrt(onePlus(square(x)))),
  cost: 18,
  samples: one(-3, 3),
})
export const acosh = unary('acosh', {
  doc: 'Inverse hyperbolic cosine; NaN below 1.',
  f: Math.acosh,
  slope: (x, _y, t) => p.mul(t, p.rsqrt(p.mul(p.sub(x, p.like(x, 1)), onePlus(x)))),
  cost: 18,
  samples: one(1.1, 5),
})
export const atanh = unary('atanh', {
  doc: 'Inverse hyperbolic tangent; NaN outside -1 to 1.',
  f: Math.atanh,
  slope: (x, _y, t) => p.div(t, p.mul(oneMinus(x), onePlus(x))),
  cost: 16,
  samples: one(-0.9, 0.9),
})
export const cbrt = unary('cbrt', {
  doc: 'Cube root.',
  f: Math.cbrt,
  slope: (x, y, t) => p.div(t, p.mul(p.like(x, 3), square(y))),
  cost: 14,
  samples: [...one(0.3, 4), ...one(-4, -0.3)],
})
export const atan2 = binary('atan2', {
  doc: 'The angle of the point (b, a), -π to π, by the signs of both.',
  f: Math.atan2,
  jvp: (a, b, _y, ta, tb) => {
    const r = p.add(square(a), square(b))
    return [ta && p.mul(ta, p.div(b, r)), tb && p.neg(p.mul(tb, p.div(a, r)))]
  },
  cost: 12,
  dtypes: classes['a float'],
  samples: [
    ...two(0.5, 2),
    {
      inputs: [
        { shape: [4], values: [1, 1, -1, -0.3] },
        { shape: [4], values: [0.2, -2, 0.1, -1] },
      ],
    },
  ],
})
