import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { asDtype, type DType, held, integerRange, promotion } from '../../compiler/ir/dtype.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/index.js'
import * as p from '../../compiler/ops/prim.js'
import { jit, matmul, mean, sum } from '../../index.js'
import { destroyDevice } from '../../runtime/device.js'
import { checkJit } from '../../stdlib/testing/check-jit.js'
import { hostTensor, refOf } from '../../stdlib/testing/values.js'
import { run } from './lang-run.js'

afterAll(destroyDevice)

/**
 * The edges of every dtype, on the device and in the reference, against JAX 0.10.2. The fixture has `lax.convert_element_type` of
 * edge values from each dtype to each other, `lax.add` … `lax.shift_right_logical` on pairs of them, `jnp.promote_types`, and sums.
 */
type Numbers = readonly (number | string)[]
interface Fixture {
  readonly casts: readonly { of: DType; to: DType; values: Numbers; results: Numbers }[]
  readonly ops: readonly { op: string; dtype: DType; a: Numbers; b: Numbers; results: Numbers }[]
  readonly promotion: Readonly<Record<DType, Readonly<Record<DType, string>>>>
  readonly sums: readonly Readonly<Record<'x' | 'w' | 'sum' | 'mean' | 'matmul', Numbers> & { dtype: DType }>[]
}
const jax: Fixture = JSON.parse(readFileSync(new URL('jax-dtypes.json', import.meta.url), 'utf8'))
const numbers = (xs: Numbers): number[] =>
  xs.map((x) =>
    x === 'nan' ? Number.NaN : x === 'inf' ? Infinity : x === '-inf' ? -Infinity : x === '-0.0' ? -0 : Number(x),
  )
const array = (dtype: DType, xs: Numbers, shape: readonly number[] = [xs.length]): RefArray => ({
  shape,
  dtype,
  data: Float64Array.from(numbers(xs)),
})
/** On the device and in the reference; -0 and 0 are one. */
async function both(f: (...xs: AnyTensor[]) => AnyTensor, ...inputs: RefArray[]): Promise<number[][]> {
  const device = await jit((...xs: AnyTensor[]) => f(...xs))(...inputs.map(hostTensor))
  return [
    [...(await refOf(device)).data],
    run((...xs: AnyTensor[]) => f(...xs), ...inputs)[0].data.map((x) => held(x, device.dtype)),
  ].map((xs) => xs.map((x) => x + 0))
}

describe('casts are those of lax.convert_element_type', () => {
  for (const { of, to, values, results } of jax.casts)
    test(`${of} to ${to}`, async () => {
      const want = numbers(results).map((x) => x + 0)
      for (const got of await both((x) => p.cast(x, to), array(of, values))) expect(got).toEqual(want)
    })
})

/** Where JAX leaves it to the machine, Fovea has what NumPy has: an integer divided by 0 is 0, and so is the rest. */
describe('arithmetic at the edges is that of lax', () => {
  const prim = p as unknown as Record<string, (...xs: AnyTensor[]) => AnyTensor>
  for (const { op, dtype, a, b, results } of jax.ops)
    test(`${op} ${dtype}`, async () => {
      const [x, y] = [array(dtype, a), array(dtype, b)]
      const one = op === 'neg' || op === 'abs'
      const want = numbers(results).map((v) => v + 0)
      for (const got of await both((...xs) => prim[op](...(one ? xs.slice(0, 1) : xs)), x, y))
        got.forEach((v, i) => {
          // A device's f32 division and remainder may be some units in the last place off.
          const slack = dtype === 'f32' && /div|rem/.test(op) ? 4e-7 * Math.abs(want[i]) : 0
          expect(
            Object.is(v, want[i]) || Math.abs(v - want[i]) <= slack,
            `${op}(${a[i]}, ${b[i]}) is ${v}, want ${want[i]}`,
          ).toBe(true)
        })
    })

  for (const dtype of ['i32', 'u32', 'i8', 'u8'] as const)
    test(`division of ${dtype} by zero gives 0, and its remainder too`, async () => {
      const [low, high] = integerRange[dtype]
      const [a, b] = [array(dtype, [low, high, 0, 7]), array(dtype, [0, 0, 0, 0])]
      for (const f of [p.div, p.rem]) for (const got of await both(f, a, b)) expect(got).toEqual([0, 0, 0, 0])
    })
})

test('the table of promotion is that of jnp.promote_types, but for dtypes that there are not', () => {
  // i16 is not there: i32 is the next. Nor is i64, and above it there are only floats.
  const missing: Record<string, DType | null> = { int16: 'i32', int64: null }
  for (const [a, row] of Object.entries(jax.promotion))
    for (const [b, want] of Object.entries(row))
      expect(promotion[a as DType][b as DType], `${a} with ${b}`).toBe(want in missing ? missing[want] : want)
})

describe('sums of f16 and bf16 are made in f32 and rounded once', () => {
  for (const { dtype, x, w, ...want } of jax.sums) {
    const [m, n] = [array(dtype, x, [2, 70]), array(dtype, w, [70, 2])]
    const ulp = dtype === 'f16' ? 2 ** -10 : 2 ** -7
    const close = (got: number[], wanted: Numbers): void => {
      numbers(wanted).forEach((v, i) => {
        expect(Math.abs(got[i] - v)).toBeLessThanOrEqual(ulp * Math.abs(v))
      })
    }
    test(dtype, async () => {
      for (const got of await both((a) => sum(a as never, 1) as AnyTensor, m)) close(got, want.sum)
      for (const got of await both((a) => mean(a as never, 1) as AnyTensor, m)) close(got, want.mean)
      for (const got of await both((a, b) => matmul(a as never, b as never) as AnyTensor, m, n)) close(got, want.matmul)
    })
  }
})

/** A product of f16 or bf16 in f32, rounded, is the product rounded: 24 bits are more than twice 11 (Figueroa 1995). */
test.each(['f16', 'bf16'] as const)('%s arithmetic is rounded as if it were exact', async (dtype) => {
  const all = Array.from({ length: 4096 }, (_, i) => asDtype(Math.sin(i * 12.9898) * 2 ** ((i % 24) - 12), dtype))
  const a = array(dtype, all)
  const b = array(dtype, [...all].reverse())
  for (const f of [p.add, p.sub, p.mul]) await checkJit(f, [hostTensor(a), hostTensor(b)], { rtol: 0, atol: 0 })
})
