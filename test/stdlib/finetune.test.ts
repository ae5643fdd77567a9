import { afterAll, expect, test } from 'vitest'
import { flatten } from '../../compiler/trace/tree.js'
import {
  destroyDevice,
  jit,
  matmul,
  mul,
  ones,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  valueAndGrad,
} from '../../index.js'
import { lora, mergeLora } from '../../stdlib/nn/index.js'
import {
  adamw,
  clipByGlobalNorm,
  combineParams,
  ema,
  globalNorm,
  layerDecay,
  muon,
  splitParams,
} from '../../stdlib/optim/index.js'
import { key, normal } from '../../stdlib/random/index.js'
import { assertClose } from '../../stdlib/testing/index.js'

afterAll(destroyDevice)
type F = Tensor<any, 'f32'>
const data = async (x: unknown): Promise<number[]> => [...((await (x as F).data()) as Float32Array)]
const drawn = (seed: number, shape: number[]): F => normal(key(seed), shape) as F

test('ema is the weighted mean of what it has seen, and starts as a copy', async () => {
  const average = ema(0.75)
  let mean = average.init({ w: tensor([1, 2]) as F })
  for (const w of [
    [5, 6],
    [9, 2],
  ])
    mean = average.update(mean, { w: tensor(w) as F })
  const want = [1, 2].map((x, i) => 0.75 * (0.75 * x + 0.25 * [5, 6][i]) + 0.25 * [9, 2][i])
  await assertClose(mean.w, want, { atol: 1e-6, rtol: 0 })
  expect(() => ema(1)).toThrow('ema: expected a decay of at least 0 and below 1, got 1')
})

test('clipByGlobalNorm scales all gradients by one factor, and only those that are too long', async () => {
  const grads = { a: tensor([3, 0]) as F, b: { c: tensor([[4]]) as F } }
  await assertClose(globalNorm(grads), 5)
  const short = clipByGlobalNorm(grads, 2.5)
  expect([await data(short.a), await data(short.b.c)]).toEqual([[1.5, 0], [2]])
  expect(await data(clipByGlobalNorm(grads, 6).a)).toEqual([3, 0])
  expect(await data(clipByGlobalNorm({ a: tensor([0, 0]) as F }, 1).a)).toEqual([0, 0])
  expect(() => clipByGlobalNorm(grads, 0)).toThrow('expected a norm above 0, got 0')
})

const tower = (seed: number) => ({
  embeddings: drawn(seed, [3, 4]),
  encoder: { layers: [1, 2].map((i) => ({ w: drawn(seed + i, [4, 4]) })) },
  head: drawn(seed + 3, [4, 2]),
})

test('lrScale is another learning rate: every parameter moves as with an optimiser of that rate', async () => {
  const params = { text: tower(1), other: drawn(9, [2, 2]) }
  const lrScale = layerDecay(params, 0.5)
  const factors = Object.fromEntries(flatten(params).paths.map((name) => [name, lrScale(name)]))
  expect(factors).toEqual({
    'text.embeddings': 0.125,
    'text.encoder.layers.0.w': 0.25,
    'text.encoder.layers.1.w': 0.5,
    'text.head': 1,
    other: 1,
  })
  const small = { layers: [1, 2].map((i) => ({ w: drawn(i, [2, 3]) })) }
  const grads = { layers: [3, 4].map((i) => ({ w: drawn(i, [2, 3]) })) }
  type Scale = (name: string) => number
  const makers = [
    (lr: number, scale?: Scale) => adamw({ lr, weightDecay: 0.3, lrScale: scale }),
    (lr: number, scale?: Scale) => muon({ lr, weightDecay: 0.3, lrScale: scale }),
  ]
  for (const make of makers) {
    const step = (lr: number, scale?: Scale) =>
      jit((p: typeof small, g: typeof small) => {
        const optimizer = make(lr, scale)
        return optimizer.update(g, optimizer.init(p) as any, p)[0]
      })(small, grads)
    const got = await step(0.1, layerDecay(small, 0.5))
    for (const [i, factor] of [0.25, 0.5].entries()) {
      const alone = await step(0.1 * factor)
      await assertClose(got.layers[i].w, (await alone.layers[i].w.data()) as Float32Array, { atol: 1e-6, rtol: 1e-6 })
    }
  }
  expect(() => layerDecay(params, 0)).toThrow('expected a decay above 0 and at most 1, got 0')
})

test('splitParams and combineParams are inverses, and what is split off costs nothing', async () => {
  const params = { text: tower(1), vision: tower(5) }
  const [trained, frozen] = splitParams(params, (name) => name.startsWith('text'))
  expect(flatten(trained).paths).toEqual(flatten(params).paths.filter((name) => name.startsWith('text')))
  const again = flatten(combineParams(trained, frozen))
  expect(again.paths).toEqual(flatten(params).paths)
  expect(again.leaves.every((x, i) => x === flatten(params).leaves[i])).toBe(true)
  expect(() => combineParams(trained, trained)).toThrow("neither tree has a tensor at 'vision.embeddings'")

  type P = typeof params
  const embed = (p: P['text']): F =>
    matmul(
      p.encoder.layers.reduce((x, { w }) => tanh(matmul(x, w) as F) as F, p.embeddings),
      p.head,
    ) as F
  const loss = (text: F, vision: F): Tensor<[], 'f32'> => sum(mul(text, vision) as F) as Tensor<[], 'f32'>
  const optimizer = adamw({ lr: 0.1 })
  const dispatches = async (f: (...args: any[]) => unknown, ...args: unknown[]): Promise<number> =>
    (await jit(f).program(...args)).dispatches.length
  const step = (p: P, given: P | undefined): unknown => {
    const [, grads] = valueAndGrad((q: P) => {
      const { text, vision } = given ? combineParams(q, given) : q
      return loss(embed(text), embed(vision))
    })(p)
    return optimizer.update(grads, optimizer.init(p), p)
  }
  const alone = await dispatches(
    (text: P['text'], vision: F) => {
      const [, grads] = valueAndGrad((q: P['text']) => loss(embed(q), vision))(text)
      return optimizer.update(grads as P['text'], optimizer.init(text), text)
    },
    params.text,
    drawn(3, [3, 2]),
  )
  const forward = await dispatches(embed, params.vision)
  const [partly, wholly] = [await dispatches(step, trained, frozen), await dispatches(step, params, undefined)]
  // The text tower's step, and the other tower forward; nothing else.
  expect(partly).toBeLessThanOrEqual(alone + forward)
  expect(partly).toBeLessThan(wholly)
})

test('lora starts as the model it adapts, and its gradient is the weight gradient seen through the product', async () => {
  const params = { layers: [1, 2].map((i) => ({ q: { weight: drawn(i, [5, 4]), bias: ones([5]) as F } })) }
  const options = { rank: 2, alpha: 6, targets: /1\.q\.weight$/, seed: 4 }
  const adapters = lora(params, options)
  expect(flatten(adapters).paths).toEqual(['layers.1.q.weight.lora_A', 'layers.1.q.weight.lora_B'])
  const start = mergeLora(params, adapters)
  for (const i of [0, 1]) expect(await data(start.layers[i].q.weight)).toEqual(await data(params.layers[i].q.weight))
  expect(start.layers[0].q.weight).toBe(params.layers[0].q.weight)
  const again = lora(params, options)['layers.1.q.weight'].lora_A
  const a = await data(adapters['layers.1.q.weight'].lora_A)
  expect(await data(again)).toEqual(a)
  expect(a.every((x) => Math.abs(x) <= 0.5) && new Set(a).size === a.length).toBe(true)

  const moved = { 'layers.1.q.weight': { ...adapters['layers.1.q.weight'], lora_B: drawn(7, [5, 2]) } }
  const loss = (p: typeof params): Tensor<[], 'f32'> =>
    sum(tanh(matmul(tanh(p.layers[0].q.weight) as F, transpose(p.layers[1].q.weight) as F) as F) as F) as any
  const [{ 'layers.1.q.weight': got }, whole] = await jit(
    (x: typeof moved, p: typeof params) =>
      [
        valueAndGrad((y: typeof moved) => loss(mergeLora(p, y)))(x)[1] as unknown as typeof moved,
        valueAndGrad(loss)(mergeLora(p, x))[1] as unknown as typeof params,
      ] as const,
  )(moved, params)
  const g = whole.layers[1].q.weight
  const { lora_A, lora_B, scale } = moved['layers.1.q.weight']
  expect(scale).toBe(3)
  await assertClose(got.lora_B, (await mul(matmul(g, transpose(lora_A) as F) as F, 3).data()) as Float32Array, {
    rtol: 1e-5,
  })
  await assertClose(got.lora_A, (await mul(matmul(transpose(lora_B) as F, g) as F, 3).data()) as Float32Array, {
    rtol: 1e-5,
  })

  expect(() => lora(params, { ...options, rank: 0 })).toThrow('expected a rank that is a whole number above 0, got 0')
  expect(() => lora(params, { ...options, targets: /key/ })).toThrow("no parameter's name matches /key/")
  expect(() => lora(params, { ...options, targets: /bias/ })).toThrow("two or more dims, got [5] at 'layers.0.q.bias'")
  expect(() => mergeLora({ q: ones([1]) }, adapters)).toThrow("the parameters have nothing at 'layers.1.q.weight'")
})
