import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { attention, mul, sum } from '../../compiler/lang/index.js'
import { expand } from '../../compiler/pass/expand.js'
import { grad, vjp, vmap } from '../../compiler/transform/index.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { arraysOf, jaxCases } from './attention-cases.js'
import { close, traced } from './lang-run.js'

describe('values and gradients are those of jax.nn.dot_product_attention', () => {
  for (const c of jaxCases)
    test(c.name, () => {
      const xs = arraysOf(c)
      const both = (q: any, k: any, v: any, ct: any, ...rest: any[]): any[] => {
        const bias = c.bias ? rest[0] : undefined
        const mask = c.mask ? rest[rest.length - 1] : undefined
        const f = (...ys: any[]): any => attention(ys[0], ys[1], ys[2], { ...c.options, bias: ys[3], mask })
        const [out, pullback] = vjp(f, q, k, v, ...(bias ? [bias] : []))
        return [out, ...pullback(ct)]
      }
      for (const fn of [traced(both, xs), expand(traced(both, xs))]) {
        const [out, ...slopes] = interpret(fn, xs)
        expect(out.shape).toEqual(c.q)
        close([...out.data], c.y, 5)
        slopes.forEach((g, i) => {
          close([...g.data], c.grads[i], 4)
        })
      }
    })
})

const random = uniform(3)
const [x, w] = [
  [2, 3, 2, 4],
  [2, 3, 2, 4],
].map((shape) => hostTensor(random(shape, -1, 1)))

test('second derivatives, forward and reverse, are those of differences', async () => {
  const loss = (y: any): any => sum(mul(attention(y, y, y, { isCausal: true }), w))
  await checkGrads((y: any) => [grad(loss)(y)], [x], { rtol: 1e-5, atol: 1e-6 })
})

test('vmap of a gradient is the gradient of each', async () => {
  const each = (y: any, c: any): any => grad((z: any) => sum(mul(attention(z, z, z), c)))(y)
  const together = (ys: any, cs: any): any => grad((z: any) => sum(mul(attention(z, z, z), cs)))(ys)
  const xs = [random([2, 3, 2, 4], -1, 1), random([2, 3, 2, 4], -1, 1)]
  const [mapped] = interpret(traced(vmap(each), xs), xs)
  close([...mapped.data], [...interpret(traced(together, xs), xs)[0].data])
})
