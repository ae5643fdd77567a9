import {
  add,
  attention,
  conv,
  dotGeneral,
  gelu,
  jit,
  logSoftmax,
  matmul,
  mean,
  mul,
  oneHot,
  relu,
  reshape,
  segmentSum,
  softmax,
  sum,
  type Tensor,
  take,
  tensor,
  treeMap,
  valueAndGrad,
} from '../../../index.js'
import { trainStep } from '../../../models/clip/step.js'
import { type EncoderLayer, encoderLayer } from '../../../models/parts/transformer.js'
import { toStateDict } from '../../../stdlib/checkpoint/index.js'
import { layerNorm, linear } from '../../../stdlib/nn/index.js'
import { adamw } from '../../../stdlib/optim/index.js'
import { type Given, type HostArray, type Prepared, sample, serve } from './serve.js'
import { clipConfigs } from './workloads.js'

/** Fovea on FOVEA_DEVICE, as its user writes it: jit with donation, calls pipelined, what is no longer needed disposed. */
type F = Tensor<any, any>
/** Trees of parameters are known by their names only. */
type Tree = any

const put = ({ shape, values }: HostArray): F => tensor(values as Float32Array, shape) as F
const dispose = (trees: unknown): void => {
  treeMap((x: F) => {
    x.dispose()
    return x
  }, trees)
}

/** `{ 'a.0.w': x }` as `{ a: [{ w: x }] }`, on the device. */
function tree(arrays: Record<string, HostArray>): Tree {
  const root: Tree = {}
  for (const [name, x] of Object.entries(arrays)) {
    const path = name.split('.')
    const end = path.pop()!
    let at = root
    path.forEach((key, i) => {
      at = at[key] ??= /^\d+$/.test(path[i + 1] ?? end) ? [] : {}
    })
    at[end] = put(x)
  }
  return root
}

/** The workloads' layers in the names of models/parts, with queries, keys and values apart. */
function renamed(params: Record<string, HostArray>): Record<string, HostArray> {
  const out: Record<string, HostArray> = {}
  for (const [name, x] of Object.entries(params)) {
    const to = name
      .replace(/\bln(\d)/, 'layer_norm$1')
      .replace(/\bfc/, 'mlp.fc')
      .replace(/\bproj\b/, 'self_attn.out_proj')
    if (!name.includes('qkv')) out[to] = x
    else
      for (const [i, part] of ['q', 'k', 'v'].entries()) {
        const n = x.values.length / 3
        const shape = [x.shape[0] / 3, ...x.shape.slice(1)]
        out[to.replace('qkv', `self_attn.${part}_proj`)] = { shape, values: x.values.slice(i * n, (i + 1) * n) }
      }
  }
  return out
}

// Calls take effect in order, so a small result that comes last says that the others are done.
const last = jit((x: F) => add(x, 1) as F, { name: 'last' })
async function settle(): Promise<void> {
  using y = await last(zero)
  await y.data()
}
const zero = tensor(0) as F

function forward(f: (...inputs: Tree[]) => F, given: Given): Prepared {
  const inputs = [...Object.values(given.data).map(put), tree(given.params)]
  const call = jit(f, { name: 'forward' })
  return {
    async check() {
      using y = await call(...inputs)
      return [sample(await y.data())]
    },
    async run(n) {
      for (let i = 0; i < n; i++) (await call(...inputs)).dispose()
      await settle()
    },
    dispose: () => dispose(inputs),
  }
}

type Step = (params: Tree, state: Tree, ...data: F[]) => Promise<readonly [Tree, Tree, F]>

/** Donates parameters and state from step to step; the loss is read at the end of a run. */
function training(step: Step, given: Given, init: (params: Tree) => Tree): Prepared {
  const data = Object.values(given.data).map(put)
  let params = tree(given.params)
  let state = init(params)
  const next = async (): Promise<F> => {
    const [p, s, loss] = await step(params, state, ...data)
    params = p
    state = s
    return loss
  }
  return {
    async check() {
      const losses: number[] = []
      for (let i = 0; i < 4; i++) {
        using loss = await next()
        losses.push((await loss.data())[0])
      }
      return [losses]
    },
    async run(n) {
      for (let i = 1; i < n; i++) (await next()).dispose()
      using loss = await next()
      await loss.data()
    },
    dispose: () => dispose([data, params, state]),
  }
}

function withAdam(loss: (params: Tree, ...data: F[]) => F, given: Given): Prepared {
  const { lr, b1, b2, eps } = given.sizes
  const { init, update } = adamw({ lr, betas: [b1, b2], eps, weightDecay: 0 })
  const step = jit(
    (params: Tree, state: Tree, ...data: F[]) => {
      const [value, grads] = valueAndGrad((p: Tree) => loss(p, ...data) as Tensor<[], 'f32'>)(params)
      const [next, nextState] = update(grads, state, params)
      return [next, nextState, value as F] as const
    },
    { donate: [0, 1], name: 'step' },
  )
  return training(step as Step, given, init)
}

const crossEntropy = (logits: F, labels: F): F =>
  mul(sum(mul(logSoftmax(logits, -1) as F, oneHot(labels, 10) as F) as F), -1 / (logits.shape as number[])[0]) as F

const layers = (x: F, params: EncoderLayer[], heads: number): F => {
  const config = { num_attention_heads: heads, hidden_act: 'gelu', layer_norm_eps: 1e-5 } as const
  return params.reduce((y, p) => encoderLayer(y, y, p, config, null) as F, x)
}

serve({
  matmul: (given) => {
    const contract = { NN: [1, 0], NT: [1, 1], TN: [0, 0] }[given.sizes.layout as 'NN']
    const dims = { lhsContract: [contract[0]], rhsContract: [contract[1]], lhsBatch: [], rhsBatch: [] }
    return forward((x, y) => dotGeneral(x, y, dims) as F, given)
  },
  softmax: (given) => forward((x) => softmax(x, -1) as F, given),
  layerNorm: (given) => forward((x, p) => layerNorm(x, p, 1e-5) as F, given),
  multiplyAdd: (given) => forward((a, b, c) => add(mul(a, b), c) as F, given),
  batched: (given) => forward((x, y) => matmul(x, y) as F, given),
  attention: (given) => forward((q, k, v) => attention(q, k, v, { isCausal: given.sizes.causal === 1 }) as F, given),
  gather: (given) => forward((x, ids) => take(x, ids, 0) as F, given),
  scatterAdd: (given) => forward((x, ids) => segmentSum(x, ids, given.sizes.rows) as F, given),
  dense: (given) => forward((x, p) => gelu(linear(x, p.fc) as F), given),
  conv: (given) => {
    const { stride, padding } = given.sizes
    return forward((x, p) => conv(x, p.weight, { stride: [stride, stride], padding }) as F, given)
  },
  block: (given) =>
    forward((x, p) => layers(x, p.layers, given.sizes.heads), { ...given, params: renamed(given.params) }),
  blockGrad: (given) => {
    const loss = (p: Tree, x: F, ct: F): Tensor<[], 'f32'> =>
      sum(mul(layers(x, p.layers, given.sizes.heads), ct) as F) as Tensor<[], 'f32'>
    const call = jit((p: Tree, x: F, ct: F) => valueAndGrad(loss, { argnums: [0, 1] })(p, x, ct), { name: 'block' })
    const [params, x, ct] = [tree(renamed(given.params)), put(given.data.x), put(given.data.ct)]
    return {
      async check() {
        const [value, [grads, gx]] = (await call(params, x, ct)) as unknown as [F, [Tree, F]]
        let squares = 0
        for (const { data } of (await toStateDict(grads)).values()) for (const v of data) squares += v * v
        return [[(await value.data())[0]], [Math.sqrt(squares)], sample(await gx.data())]
      },
      async run(n) {
        for (let i = 0; i < n; i++) dispose(await call(params, x, ct))
        await settle()
      },
      dispose: () => dispose([params, x, ct]),
    }
  },
  vit: (given) =>
    withAdam(
      (p, patches, labels) => {
        const x = layers(add(linear(patches, p.patch) as F, p.pos) as F, p.layers, given.sizes.heads)
        return crossEntropy(linear(mean(layerNorm(x, p.ln, 1e-5) as F, 1) as F, p.head) as F, labels)
      },
      { ...given, params: renamed(given.params) },
    ),
  clip: (given) => {
    const { lr, warmup, steps, weightDecay } = given.sizes
    const { step, init } = trainStep(clipConfigs[given.sizes.config], { lr, warmup, steps, weightDecay, muonLr: 0 })
    return training(step as unknown as Step, given, init)
  },
  convnet: (given) =>
    withAdam((p, x, labels) => {
      const y = relu(add(conv(x, p.conv1.weight, { padding: 'same' }) as F, p.conv1.bias) as F)
      const z = relu(add(conv(y, p.conv2.weight, { stride: [2, 2], padding: 'same' }) as F, p.conv2.bias) as F)
      return crossEntropy(linear(reshape(z, [48, -1]) as F, p.head) as F, labels)
    }, given),
})
