import * as fc from 'fast-check'
import { afterAll, test } from 'vitest'
import { type DType, held } from '../../compiler/ir/dtype.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { vjp } from '../../compiler/transform/index.js'
import { destroyDevice } from '../../index.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { checkOn, classes } from '../golden/classes.js'

afterAll(destroyDevice)

/** Attention and its gradients at sizes around the kernels' blocks, lanes and tiles, against the reference. */
const queries = fc.constantFrom(3, 4, 17, 63, 64, 65, 66, 67, 130, 500)
/** Keys beyond as many as make a kernel of its own worth while, or all sizes up to there. */
const keys = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 9 }))
const width = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(4, 8, 16, 20, 40))
/** Of f16 and bf16, results that are a unit or two in the last place apart. */
const tolerance = { f32: 2e-4, f16: 4e-3, bf16: 3e-2 }
/** Dims of a bias or mask that repeat. */
const repeated = fc.option(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()))

test('attention and its gradients, of any sizes, with any bias and mask', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(classes)),
      fc.record({ B: fc.integer({ min: 1, max: 2 }), K: fc.constantFrom(1, 2, 4), G: fc.integer({ min: 1, max: 2 }) }),
      queries,
      keys,
      width,
      fc.boolean(),
      repeated,
      repeated,
      fc.integer({ min: 1, max: 1e6 }),
      fc.constantFrom(...(['f32', 'f16', 'bf16'] as const)),
      async (on, { B, K, G }, T, [many, more], H, isCausal, biasRepeats, maskRepeats, seed, dtype) => {
        const S = (many ? Math.ceil(128 ** 2 / T) : 1) + more
        const random = uniform(seed)
        const draw = (shape: number[], of: DType): RefArray => {
          const x = random(shape, -1, 1)
          return { ...x, dtype: of, data: x.data.map((n) => held(n, of)) }
        }
        const dims = (repeats: boolean[]): number[] => [B, K * G, T, S].map((n, i) => (repeats[i] ? 1 : n))
        const bias = biasRepeats && draw(dims(biasRepeats), 'f32')
        const mask = maskRepeats && draw(dims(maskRepeats), 'f32')
        const bool = mask && { ...mask, dtype: 'bool' as const, data: mask.data.map((x) => Number(x > -0.5)) }
        const [ofQueries, ofKeys] = [
          [B, T, K * G, H],
          [B, S, K, H],
        ]
        const inputs = [ofQueries, ofKeys, ofKeys, ofQueries].map((shape) => draw(shape, dtype))
        const f = (q: AnyTensor, k: AnyTensor, v: AnyTensor, ct: AnyTensor, ...rest: AnyTensor[]): AnyTensor[] => {
          const given = bool ? rest[rest.length - 1] : undefined
          const one = (...xs: AnyTensor[]): AnyTensor =>
            p.attention(xs[0], xs[1], xs[2], { bias: xs[3], mask: given, isCausal, scale: 0.7 })[0]
          const [y, pullback] = vjp(one, q, k, v, ...(bias ? [rest[0]] : []))
          return [y, ...pullback(ct)]
        }
        const all = [...inputs, ...(bias ? [bias] : []), ...(bool ? [bool] : [])]
        await checkOn(on, f, all, { rtol: tolerance[dtype], atol: tolerance[dtype] })
      },
    ),
    { numRuns: process.env.FOVEA_DEVICE === 'cpu' ? 30 : 20, endOnFailure: true },
  )
})
