import { afterAll, test } from 'vitest'
import * as fovea from '../../index.js'
import { checkJit } from '../../stdlib/testing/check-jit.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { array } from '../laws/lang-run.js'

const {
  add,
  cast,
  cond,
  customVjp,
  destroyDevice,
  foriLoop,
  grad,
  greater,
  hessian,
  jvp,
  mul,
  remat,
  scan,
  sin,
  sum,
  tanh,
  vmap,
  whileLoop,
}: any = fovea

afterAll(destroyDevice)

/** Derivatives of loops and choices, nested, on the device as in the reference interpreter. */
const x = hostTensor(array([4], [0.3, -0.8, 1.2, 0.5]))
const rows = hostTensor(
  array(
    [5, 4],
    Array.from({ length: 20 }, (_, i) => Math.sin(i)),
  ),
)
const same = (f: (...xs: any[]) => any, ...inputs: any[]): Promise<void> =>
  checkJit(f as any, inputs as any, { rtol: 2e-5, atol: 2e-5 })
const gated = (c: any, row: any): any =>
  cond(
    greater(sum(row), 0),
    (h: any) => tanh(add(h, row)),
    (h: any) => mul(sin(h), row),
    c,
  )
const loss = (h: any, m: any): any => {
  const [last, ys] = scan((c: any, row: any) => [gated(c, row), sum(mul(c, c))], h, m)
  return add(sum(last), sum(ys))
}

test('the gradient of a scan of a choice', () => same(grad(loss, { argnums: [0, 1] }), x, rows))
test('and its vmap', () =>
  same(
    vmap(grad(loss), [null, 0]),
    x,
    hostTensor(
      array(
        [2, 5, 4],
        Array.from({ length: 40 }, (_, i) => Math.cos(i)),
      ),
    ),
  ))
test('a Hessian through foriLoop', () =>
  same(
    hessian((h: any) => sum(foriLoop(0, 3, (i: any, y: any) => mul(sin(y), add(cast(i, 'f32'), h)), h))),
    x,
  ))
test('the derivative of a loop that ends by itself', () =>
  same(
    (h: any) =>
      jvp(
        (y: any) =>
          whileLoop(
            (z: any) => greater(sum(mul(z, z)), 0.1),
            (z: any) => mul(sin(z), 0.7),
            y,
          ),
        [h],
        [h],
      ),
    x,
  ))
test('chunks that are computed again', () => {
  const chunk = remat((h: any) => foriLoop(0, 4, (_: any, y: any) => tanh(mul(y, 1.1)), h))
  return same(
    grad((h: any) => sum(foriLoop(0, 4, (_: any, y: any) => chunk(y), h))),
    x,
  )
})
test('a function with a derivative of its own that loops, in a loop', () => {
  const looped = (y: any): any => remat((z: any) => foriLoop(0, 2, (_: any, u: any) => sin(u), z))(y)
  const own = customVjp(
    looped,
    (y: any) => [looped(y), y],
    (y: any, ct: any) => [
      mul(
        ct,
        foriLoop(0, 3, (_: any, u: any) => mul(u, 0.5), y),
      ),
    ],
  )
  return same(
    grad((h: any) => sum(foriLoop(0, 2, (_: any, y: any) => own(y), h))),
    x,
  )
})
