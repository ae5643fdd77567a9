import { describe, expect, test } from 'vitest'
import {
  add,
  allGather,
  axisIndex,
  axisSize,
  cast,
  composite,
  div,
  evalShape,
  exp,
  grad,
  jvp,
  matmul,
  mul,
  ones,
  pmax,
  pmean,
  pmin,
  psum,
  sub,
  sum,
  type Tensor,
  vmap,
} from '../../index.js'
import { array, opsOf, run, values } from './lang-run.js'

type Matrix = Tensor<any, 'f32'>

describe('axes of vmap', () => {
  const x = array([2, 3])
  test('an axis may be any, counted from either end', () => {
    expect(values((a) => vmap((r: Matrix) => sum(r), 1)(a) as any, x)).toEqual([3, 5, 7])
    expect(values((a) => vmap((r: Matrix) => sum(r), -1)(a) as any, x)).toEqual([3, 5, 7])
    expect(values((a) => vmap((r: Matrix) => sum(r), -2)(a) as any, x)).toEqual([3, 12])
  })
  test('one axis an argument, and a tree of them for a tree', () => {
    const f = (p: { w: Matrix; b: Matrix }, y: Matrix): Matrix => add(mul(p.w, y), p.b) as Matrix
    const mapped = vmap(f, [{ w: 1, b: null }, 0])
    const [y] = run((w, b, v) => mapped({ w, b }, v) as any, array([2, 3]), array([2]), array([3]))
    // columns of w times elements of v, plus b
    expect(y).toEqual({ shape: [3, 2], dtype: 'f32', data: [0, 1, 1, 5, 4, 11] })
  })
  test('results have the axis where outAxes says; null has one that is not mapped', () => {
    const [last] = run((a) => vmap((r: Matrix) => r, 0, -1)(a) as any, x)
    expect(last).toEqual({ shape: [3, 2], dtype: 'f32', data: [0, 3, 1, 4, 2, 5] })
    const two = (a: Matrix, b: Matrix): any =>
      vmap((r: Matrix, c: Matrix) => ({ r: add(r, c), c: exp(c) }), [0, null], { r: 1, c: null } as any)(a, b)
    const [r, c] = run((a, b) => Object.values(two(a, b)) as any, x, array([3], [0, 0, 0]))
    expect([r.shape, c.shape]).toEqual([[3, 2], [3]])
  })
  test('a size is enough where nothing is mapped', () => {
    const f = vmap(() => axisIndex('i'), [], 0, { axisName: 'i', axisSize: 3 }) as () => any
    expect(values(f)).toEqual([0, 1, 2])
  })
  test('mistakes are named', () => {
    expect(() => vmap((r: any) => r, 2)(ones([2, 3]) as any)).toThrow("vmap: axis 2 is out of range for [2, 3] at '0'")
    expect(() => vmap((r: any) => r, 0, 5)(ones([2, 3]) as any)).toThrow(
      "vmap: axis 5 is out of range for [2, 3] at 'the result'",
    )
    expect(() => vmap((r: any) => r, 0, null)(ones([2, 3]) as any)).toThrow('outAxes is null for a result')
    expect(() => vmap((r: any) => r, [{ w: 0 }])(ones([2, 3]) as any)).toThrow(
      "vmap: inAxes has 'w' at '0', where a tensor is",
    )
    expect(() => vmap((r: any) => r.v, [{ w: 0 }])({ v: ones([2, 3]) } as any)).toThrow(
      "vmap: inAxes has 'w' at '0', where there is 'v'",
    )
    expect(() => vmap((r: any) => r, 0, 0, { axisSize: 4 })(ones([2, 3]) as any)).toThrow(
      'vmap: expected one size of the mapped axis, got 4 and 2',
    )
  })
})

describe('named axes', () => {
  const x = array([3], [1, 2, 6])
  const over = (f: (v: any) => any): ((a: any) => any) => vmap(f, 0, 0, { axisName: 'i' }) as any
  test('collectives see all instances', () => {
    expect(
      values(
        over((v) => psum(v, 'i')),
        x,
      ),
    ).toEqual([9, 9, 9])
    expect(
      values(
        over((v) => sub(v, pmean(v, 'i'))),
        x,
      ),
    ).toEqual([-2, -1, 3])
    expect(
      values(
        over((v) => sub(pmax(v, 'i'), pmin(v, 'i'))),
        x,
      ),
    ).toEqual([5, 5, 5])
    expect(
      values(
        over((v) => allGather(v, 'i')),
        x,
      ),
    ).toEqual([1, 2, 6, 1, 2, 6, 1, 2, 6])
    expect(
      values(
        over((v) => add(v, mul(cast(axisIndex('i'), 'f32'), axisSize('i')))),
        x,
      ),
    ).toEqual([1, 5, 12])
    expect(
      values(
        over(() => psum(ones([]), 'i')),
        x,
      ),
    ).toEqual([3, 3, 3])
  })
  test('what is the same for all instances is computed once', () => {
    const shares = (a: any): any => over((v) => div(v, exp(psum(v, 'i'))))(a)
    expect(run((a) => vmap((v: any) => exp(psum(v, 'i')), 0, null, { axisName: 'i' })(a) as any, x)[0].shape).toEqual(
      [],
    )
    expect(values(shares, x)[1]).toBeCloseTo(2 / Math.exp(9))
  })
  test('axes nest, by name', () => {
    const f = (a: any): any =>
      vmap(
        (row: any) =>
          vmap((v: any) => add(mul(psum(v, 'row'), 10), psum(v, 'column')), 0, 0, { axisName: 'column' })(row) as any,
        0,
        0,
        { axisName: 'row' },
      )(a)
    // over rows: sums of columns [3, 5, 7]; over columns: sums of rows [3, 12]
    expect(values(f, array([2, 3]))).toEqual([33, 53, 73, 42, 62, 82])
  })
  test('derivatives go across', () => {
    // Each instance's loss is (Σ x)²: its gradient by its own x, summed over the instances that see it.
    const slope = over((v) =>
      grad((y: any) => {
        const s = psum(y, 'i') as any
        return mul(s, s) as any
      })(v),
    )
    expect(values(slope, x)).toEqual([54, 54, 54])
    const whole = (a: any): any => grad(((b: any) => sum(over((v) => mul(v, psum(v, 'i')))(b))) as any)(a)
    expect(values(whole, x)).toEqual([18, 18, 18])
    const along = over((v) => jvp((y: any) => psum(mul(y, y), 'i') as any, [v], [v])[1])
    expect(values(along, x)).toEqual([82, 82, 82])
  })
  test('a name that no vmap gives is an error', () => {
    expect(() => psum(ones([2]), 'i')).toThrow("psum: no vmap around names an axis 'i'; give vmap { axisName }")
    expect(() => over(() => psum(ones([2]), 'j'))(ones([2]))).toThrow(
      "psum: no vmap around names an axis 'j'; named are 'i'",
    )
    expect(() => over((v) => over((w) => w)(v))(ones([2, 2]))).toThrow("an axis named 'i' is being mapped already")
  })
})

describe('evalShape', () => {
  test('gives shapes and dtypes of a tree', () => {
    const f = (p: { w: Matrix }, v: Matrix): any => ({ y: matmul(v, p.w), flags: [mul(v, 2)], name: 'n' })
    expect(evalShape(f, { w: { shape: [3, 4], dtype: 'f32' } } as any, ones([2, 3]))).toEqual({
      y: { shape: [2, 4], dtype: 'f32' },
      flags: [{ shape: [2, 3], dtype: 'f32' }],
      name: 'n',
    })
    const out = evalShape((a: Tensor<[2, 3], 'f32'>) => sum(a, 0), { shape: [2, 3], dtype: 'f32' } as const)
    const rank: readonly [3] = out.shape
    expect(rank).toEqual([3])
  })
  test('errors are those of the function', () => {
    expect(() => evalShape((a: any) => matmul(a, a), { shape: [2, 3], dtype: 'f32' } as any)).toThrow(
      'inner dims differ',
    )
    expect(() => evalShape((a: any) => a, new Date() as any)).toThrow('got an instance of Date')
  })
})

describe('composite', () => {
  const square = composite('square', (v: Matrix): Matrix => mul(v, v) as Matrix)
  test('is one equation under its name, and its body to derivatives and vmap', () => {
    expect(opsOf((v) => square(v), array([2]))[0]).toMatch(/^square_\d+$/)
    expect(values((v) => square(square(v)), array([2], [2, 3]))).toEqual([16, 81])
    expect(values((v) => grad((y: any) => sum(square(y)) as any)(v) as any, array([2], [2, 3]))).toEqual([4, 6])
    expect(values((v) => vmap((y: any) => square(y))(v) as any, array([2, 1], [2, 3]))).toEqual([4, 9])
    const second = grad(((y: any) => sum(grad(((z: any) => sum(square(square(z)))) as any)(y) as any)) as any)
    expect(values((v) => second(v) as any, array([1], [2]))).toEqual([48])
  })
})
