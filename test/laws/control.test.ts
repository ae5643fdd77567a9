import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Eqn, Fn } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import * as lang from '../../compiler/lang/index.js'
import type { RefArray } from '../../compiler/ops/op.js'
import { customJvp, customVjp, grad, hessian, jacfwd, jvp, vmap } from '../../compiler/transform/index.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { array, close, run, traced, values } from './lang-run.js'

const { abs, add, arange, cast, concat, div, exp, greater, matmul, mul, reshape, sin, sub, sum, tanh }: any = lang
const { associativeScan, cond, foriLoop, map, scan, switchCase, whileLoop }: any = lang

/**
 * Control flow against JAX 0.10.2 on a CPU, in f64: jax-control.json holds what the same few lines of jax.lax give, such as
 *   def step(h, x): h = jnp.tanh(h @ w + x); return h, h.sum()
 *   loss = (h**2).sum() + (ys * jnp.arange(3.)).sum()   # its gradient by w, h and xs, its Hessian by h
 */
const jax = JSON.parse(readFileSync(new URL('jax-control.json', import.meta.url), 'utf8'))
const flat = (x: unknown): number[] => [x].flat(Number.POSITIVE_INFINITY) as number[]
const scalar = (x: number): RefArray => array([], [x])
const int = (...xs: number[]): RefArray => array(xs.length === 1 ? [] : [xs.length], xs, 'i32')
const sine = (x: any): any => sin(x)
/** grad of functions of any tensors. */
const slope = (f: (...xs: any[]) => any, options?: any): any => grad(f as any, options)

const w = array([2, 2], [0.5, -0.3, 0.2, 0.4])
const h0 = array([2], [0.1, -0.2])
const xs = array([3, 2], [1, 2, 0.5, -1, -0.3, 0.7])
const rnn = (w: any, h: any, x: any, reverse = false): any => {
  const step = (h: any, x: any): any => {
    const y = tanh(add(reshape(matmul(reshape(h, [1, 2]), w), [2]), x))
    return [y, sum(y)]
  }
  return scan(step, h, x, { reverse })
}
const loss = (w: any, h: any, x: any, reverse = false): any => {
  const [last, ys] = rnn(w, h, x, reverse)
  return add(sum(mul(last, last)), sum(mul(ys, cast(arange(ys.shape[0]), 'f32'))))
}

describe('scan', () => {
  for (const [name, reverse] of [
    ['forward', false],
    ['reverse', true],
  ] as const)
    test(`${name}: value, gradients and Hessian are those of JAX`, () => {
      const want = jax[name]
      run((w, h, x) => rnn(w, h, x, reverse), w, h0, xs).forEach((y, i) => {
        close(y.data, flat(want.value[i]))
      })
      const slopes = slope((w, h, x) => loss(w, h, x, reverse), { argnums: [0, 1, 2] })
      run(slopes, w, h0, xs).forEach((g, i) => {
        close(g.data, flat(want.grad[i]))
      })
      const second = (h: any, w: any, x: any): any => hessian((h: any) => loss(w, h, x, reverse))(h)
      close(values(second, h0, w, xs), flat(want.hessian))
    })

  test('derivatives of orders 1 and 2 are those of differences, in both modes', async () => {
    await checkGrads(loss, [w, h0, xs].map(hostTensor) as any, { order: 2, rtol: 1e-5, atol: 1e-6 })
  })

  test('is the loop in JavaScript', () => {
    const unrolled = (w: any, h: any, x: any): any => {
      let y = h
      for (let i = 0; i < 3; i++)
        y = tanh(
          add(reshape(matmul(reshape(y, [1, 2]), w), [2]), reshape(lang.slice(x, [i, 0], [i + 1, 2] as any), [2])),
        )
      return y
    }
    close(
      values((...a) => rnn(a[0], a[1], a[2])[0], w, h0, xs),
      values(unrolled, w, h0, xs),
    )
    const [got, want] = [
      (...a: any[]) => sum(rnn(a[0], a[1], a[2])[0]),
      (...a: any[]) => sum(unrolled(a[0], a[1], a[2])),
    ].map((f) => run(slope(f, { argnums: [0, 1, 2] }), w, h0, xs))
    got.forEach((g, i) => {
      close(g.data, want[i].data)
    })
  })

  test('carries trees, and stacks trees', () => {
    const f = (x: any): any => {
      const [carry, ys] = scan(
        ({ total, n }: any, { a, b }: any) => [
          { total: add(total, a), n: add(n, 1) },
          { pair: [a, b], n },
        ],
        { total: sum(x), n: cast(sum(mul(x, 0)), 'i32') },
        { a: x, b: mul(x, 2) },
      )
      return [carry.total, carry.n, ys.pair[0], ys.pair[1], ys.n]
    }
    expect(run(f, array([3], [1, 2, 3])).map((y) => y.data)).toEqual([[12], [3], [1, 2, 3], [2, 4, 6], [0, 1, 2]])
  })

  test('over nothing gives the carry, and gradients that pass it by', () => {
    const f = (x: any, e: any): any => scan((c: any, y: any) => [mul(c, y), c], x, e)
    expect(run(f, scalar(3), array([0], []))).toMatchObject([{ data: [3] }, { shape: [0] }])
    expect(
      run(
        slope((x, e) => f(x, e)[0], { argnums: [0, 1] }),
        scalar(3),
        array([0], []),
      ).map((g) => g.data),
    ).toEqual([[1], []])
  })

  test('vmap is the loop, of carry, xs, constants and any of them', () => {
    for (const axes of [
      [0, null, null],
      [null, 0, null],
      [null, null, 0],
      [0, 0, 0],
    ]) {
      const many = [w, h0, xs].map((x, i) =>
        axes[i] === 0 ? array([2, ...x.shape], [...x.data, ...x.data.map((v) => v * 0.7)]) : x,
      )
      for (const f of [(...a: any[]) => rnn(a[0], a[1], a[2])[1], slope(loss, { argnums: 0 })]) {
        const whole = values(vmap(f, axes as any) as any, ...many)
        const each = [1, 0.7].flatMap((by) =>
          values(f, ...[w, h0, xs].map((x, i) => (axes[i] === 0 ? { ...x, data: x.data.map((v) => v * by) } : x))),
        )
        close(whole, each)
      }
    }
  })
})

describe('cond and switchCase', () => {
  const x = array([3], [0.3, -1.2, 2])
  const f = (i: any, x: any): any => switchCase(i, [sine, (x: any) => mul(x, x), (x: any) => exp(lang.neg(x))], x)
  test('values and gradients are those of JAX, indices outside clamped', () => {
    for (const { index, value, grad: want } of jax.switch) {
      close(values(f, int(index), x), value)
      close(
        values((i, x) => slope((x: any) => sum(f(i, x)))(x), int(index), x),
        want,
      )
    }
    close(values(vmap(f) as any, int(0, 1, 7), x), jax.switchVmap)
  })
  test('orders 1 and 2 are those of differences; closures are differentiated', async () => {
    for (const at of [-1, 1])
      await checkGrads(
        (x: any, c: any) =>
          cond(
            greater(sum(x), 0),
            (y: any) => mul(sin(y), c),
            (y: any) => tanh(add(y, exp(c))),
            mul(x, x.shape[0]),
          ),
        [hostTensor(array([2], [0.4 * at, 0.7 * at])), hostTensor(array([2], [0.2, -0.3]))],
        { order: 2, rtol: 1e-5, atol: 1e-6 },
      )
  })
  test('a predicate that is not mapped stays a choice under vmap', () => {
    const g = (p: any, x: any): any => cond(greater(p, 0), sine, (x: any) => x, x)
    const fn = traced(vmap(g, [null, 0]) as any, [scalar(1), x])
    expect(fn.eqns.map((q) => q.op)).toContain('cond')
    const mapped = traced(vmap(g) as any, [x, x])
    expect(mapped.eqns.map((q) => q.op)).not.toContain('cond')
    close(values(vmap(g) as any, x, x), x.data.length ? [Math.sin(0.3), -1.2, Math.sin(2)] : [])
  })
  test('what the branches keep for the derivative shares places', () => {
    const heavy = (k: number) => (x: any) => sin(sin(mul(x, k)))
    const fn = traced(
      (i, x) => slope((x: any) => sum(switchCase(i, [heavy(1), heavy(2), heavy(3)], x)))(x),
      [int(1), x],
    )
    // The value, and two residuals a branch.
    expect(find(fn, 'cond')[0].outputs.length).toBe(3)
  })
})

describe('whileLoop and foriLoop', () => {
  const newton = (a: any): any =>
    whileLoop(
      (s: any) => greater(abs(sub(mul(s, s), a)), 1e-9),
      (s: any) => mul(add(s, div(a, s)), 0.5),
      a,
    )
  test('value, forward derivative and vmap of a loop are those of JAX', () => {
    close(values(newton, scalar(7)), flat(jax.while.value))
    close(
      values((a) => jvp(newton, [a], [lang.onesLike(a)])[1], scalar(7)),
      flat(jax.while.jvp),
    )
    close(
      values((a) => jacfwd(newton)(a) as any, scalar(7)),
      flat(jax.while.jvp),
    )
    close(values(vmap(newton) as any, array([3], [2, 9, 30])), jax.while.vmap)
  })
  test('reverse mode is refused, with what to use instead', () => {
    const message = 'reverse mode does not go through whileLoop, or foriLoop with traced bounds'
    expect(() => traced(slope(newton), [scalar(7)])).toThrow(message)
    expect(() =>
      traced((n, x) => slope((x: any) => foriLoop(0, n, (_: any, y: any) => mul(y, x), x))(x), [int(3), scalar(2)]),
    ).toThrow(message)
  })
  const fori = (x: any): any => foriLoop(1, 4, (i: any, y: any) => add(mul(y, sin(x)), mul(cast(i, 'f32'), x)), x)
  test('foriLoop of numbers: value and derivatives are those of JAX', () => {
    close(values(fori, scalar(0.7)), flat(jax.fori.value))
    close(values(slope(fori), scalar(0.7)), flat(jax.fori.grad))
    close(values(slope(slope(fori)), scalar(0.7)), flat(jax.fori.second))
    close(
      values((x) => hessian(fori)(x) as any, scalar(0.7)),
      flat(jax.fori.second),
    )
  })
  test('foriLoop of traced bounds: the same, forwards', () => {
    const dynamic = (a: any, b: any, x: any): any =>
      foriLoop(a, b, (i: any, y: any) => add(mul(y, sin(x)), mul(cast(i, 'f32'), x)), x)
    close(values(dynamic, int(1), int(4), scalar(0.7)), flat(jax.fori.value))
    close(
      values((a, b, x) => jvp((x) => dynamic(a, b, x), [x], [lang.onesLike(x)])[1], int(1), int(4), scalar(0.7)),
      flat(jax.fori.grad),
    )
    expect(values(dynamic, int(4), int(1), scalar(0.7))).toEqual([0.7])
    // Each example runs as often as it says.
    expect(
      values(
        vmap((n: any, x: any) => foriLoop(0, n, (_: any, y: any) => add(y, x), x)) as any,
        int(0, 2, 5),
        array([3], [1, 1, 1]),
      ),
    ).toEqual([1, 3, 6])
  })
})

describe('map and associativeScan', () => {
  test('map is vmap', () => {
    const f = (x: any): any => sum(mul(x, x))
    expect(values((x) => map(f, x), xs)).toEqual(values(vmap(f) as any, xs))
    close(
      values(
        slope((x) => sum(map(f, x))),
        xs,
      ),
      xs.data.length ? [...xs.data].map((v) => 2 * v) : [],
    )
  })
  for (const n of [1, 2, 5, 8])
    test(`associativeScan of ${n} is that of JAX, from either end and along any axis`, () => {
      const e = array(
        [n],
        Array.from({ length: n }, (_, i) => (i + 1) / 3),
      )
      const affine = ([a, b]: any, [c, d]: any): any => [mul(a, c), add(mul(c, b), d)]
      for (const reverse of [false, true]) {
        const want = jax[`associative${n}`][reverse ? 'reverse' : 'forward']
        run((e) => associativeScan(affine, [e, mul(e, 2)], { reverse }), e).forEach((y, i) => {
          close(y.data, want[i])
        })
        const across = (e: any): any =>
          associativeScan(affine, [reshape(e, [1, n]), reshape(mul(e, 2), [1, n])], { reverse, axis: -1 })
        close(run(across, e)[1].data, want[1])
      }
    })
  test('associativeScan takes steps as the logarithm of its length', () => {
    const count = (n: number): number =>
      traced((x) => associativeScan(add, x), [array([n])]).eqns.filter((q) => q.op === 'add').length
    expect([count(16), count(1024)]).toEqual([7, 19])
  })
  test('derivatives of associativeScan are those of differences', () =>
    checkGrads((x: any) => associativeScan(mul, x), [hostTensor(array([5], [1, 0.5, -2, 1.5, 3]))] as any, {
      order: 2,
    }))
})

describe('everything nests', () => {
  const nested = (x: any): any => {
    const steps = concat(
      [0.3, 0.9, 1.4, -0.2, 0.8].map((v) => lang.full([1], v)),
      0,
    )
    return scan(
      (c: any, y: any) => [
        cond(
          greater(c, 1),
          (c: any) => add(mul(c, 0.5), y),
          (c: any) => add(mul(c, c), mul(x, y)),
          c,
        ),
        c,
      ],
      x,
      steps,
    )
  }
  const total = (x: any): any => {
    const [last, all] = nested(x)
    return add(sum(all), last)
  }
  test('cond in scan, its gradient, and vmap of that, are those of JAX', () => {
    run(nested, scalar(0.8)).forEach((y, i) => {
      close(y.data, flat(jax.nested.value[i]))
    })
    close(values(slope(total), scalar(0.8)), flat(jax.nested.grad))
    close(values(vmap(slope(total)) as any, array([3], [0.8, 1.5, -0.4])), jax.nested.vmapGrad)
  })
  test('scan in scan, and a loop that ends by itself in scan', async () => {
    const inner = (x: any): any => scan((c: any, y: any) => [mul(c, sin(y)), c], sum(x), x)[1]
    const outer = (x: any, m: any): any =>
      scan((c: any, row: any) => [add(c, inner(mul(row, c))), sum(inner(row))], x, m)
    await checkGrads(outer, [hostTensor(h0), hostTensor(xs)], { order: 2, rtol: 1e-5, atol: 1e-6 })
    const halved = (x: any): any =>
      whileLoop(
        (y: any) => greater(sum(mul(y, y)), 0.1),
        (y: any) => mul(y, 0.5),
        x,
      )
    await checkGrads(
      (x: any, m: any) => scan((c: any, row: any) => [halved(add(c, row)), c], x, m),
      [hostTensor(h0), hostTensor(xs)],
      {
        modes: ['forward'],
      },
    )
  })
  test('derivatives of their own in a body', () => {
    const clipped = customVjp(
      (x: any) => mul(x, x),
      (x: any) => [mul(x, x), x] as const,
      (x: any, ct: any) => [mul(ct, mul(x, 10))] as any,
    )
    const f = (x: any): any =>
      scan((c: any, y: any) => [add(clipped(mul(c, y)), c), c], x, concat([reshape(x, [1]), reshape(x, [1])], 0))[0]
    // d(10 · u) for u = c·y, in place of 2 · u: by hand.
    const byHand = (x: number): number => {
      const c1 = x ** 4 + x
      const d1 = 10 * x * x * 2 * x + 1
      return 10 * c1 * x * (c1 + x * d1) + d1
    }
    close(values(slope(f), scalar(0.6)), [byHand(0.6)], 8)
    // A rule that loops over its tangent: the counter beside it is not linear.
    const powered = customJvp(
      (x: any) => mul(x, 8),
      ([x]: any, [dx]: any) =>
        [mul(x, 8), foriLoop(0, 3, (i: any, t: any) => mul(t, add(cast(i, 'f32'), x)), dx)] as any,
    )
    close(
      values(
        slope((x) => powered(x)),
        scalar(0.5),
      ),
      [0.5 * 1.5 * 2.5],
    )
    close(
      values(
        slope((x) => slope((y: any) => powered(y))(x)),
        scalar(0.5),
      ),
      [1.5 * 2.5 + 0.5 * 2.5 + 0.5 * 1.5],
    )
  })
  test('composites and softmax in a body', async () => {
    await checkGrads(
      (x: any, m: any) => scan((c: any, row: any) => [lang.softmax(add(c, row), 0), lang.logSoftmax(c, 0)], x, m),
      [hostTensor(h0), hostTensor(xs)],
    )
  })
})

describe('the size of what is made does not depend on the number of steps', () => {
  const steps = (n: number): Fn => traced((w, h, x) => slope(loss, { argnums: 0 })(w, h, x), [w, h0, array([n, 2])])
  const count = (fn: Fn): number =>
    fn.eqns.reduce((sum, q) => sum + 1 + (q.fns ?? []).reduce((n, f) => n + count(f), 0), 0)
  test('10 steps and 1,000 have as many equations', () => {
    expect(count(steps(1000))).toBe(count(steps(10)))
    verify(steps(1000))
  })
  test('what is the same in each step is not kept for each', () => {
    const stacks = find(steps(50), 'scan')
      .flatMap((q) => q.outputs.map((v) => v.aval.shape))
      .filter(([n]) => n === 50)
    // h and tanh's slope of each step, ys, and the gradient of xs is not asked for; never w.
    expect(stacks.every((shape) => shape.length <= 2)).toBe(true)
  })
})

/** Equations of an op, in a function and the functions it runs. */
function find(fn: Fn, op: string): Eqn[] {
  return fn.eqns.flatMap((q) => [...(q.op === op ? [q] : []), ...(q.fns ?? []).flatMap((f) => find(f, op))])
}
