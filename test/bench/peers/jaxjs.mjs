import { setFlagsFromString } from 'node:v8'
import { browserGpu } from './dawn.ts'
import { permuted, sample, serve } from './serve.ts'
import { browserWorkers } from './web-worker.mjs'

/**
 * jax-js on its wasm backend (relaxed SIMD, optimised code from the start, and threads if PEER_THREADS is more than one), or on WebGPU
 * where PEER_GPU names an adapter.
 */
setFlagsFromString('--experimental-wasm-relaxed-simd')
setFlagsFromString('--no-wasm-dynamic-tiering')
const threads = Number(process.env.PEER_THREADS ?? 2)
const backend = process.env.PEER_GPU ? 'webgpu' : 'wasm'
if (backend === 'webgpu') await browserGpu()
else if (threads > 1) browserWorkers(threads)
// Node 20 lacks the iterator helpers that jax-js uses.
const iterators = Object.getPrototypeOf(Object.getPrototypeOf([].values()))
iterators.map ??= function (f) {
  return Array.from(this, (x) => f(x))
}
const {
  blockUntilReady,
  init,
  jit,
  lax,
  nn,
  numpy: np,
  tree,
  valueAndGrad,
  defaultDevice,
} = await import('@jax-js/jax')
await init(backend)
defaultDevice(backend)

const put = ({ shape, values }) => np.array(values, { shape })
const map = (f, object) => Object.fromEntries(Object.entries(object).map(([name, x]) => [name, f(x, name)]))
const putAll = (arrays) => map(put, arrays)
/** Dense weights as [in, out]. */
const inOut = (params, keep = /^$/) =>
  map(
    (x, name) => (x.shape.length === 2 && name.endsWith('.weight') && !keep.test(name) ? permuted(x, [1, 0]) : x),
    params,
  )
const [toChannelsFirst, toChannelsLast, toOihw] = [
  [0, 3, 1, 2],
  [0, 2, 3, 1],
  [3, 2, 0, 1],
]

function forward(f, given, read = async (y) => ({ shape: y.shape, values: await y.data() })) {
  const inputs = [...Object.values(given.data).map(put), putAll(given.params)]
  const call = jit(f)
  return {
    check: async () => [sample((await read(call(...tree.ref(inputs)))).values)],
    async run(n) {
      for (let i = 0; i < n; i++) {
        const y = call(...tree.ref(inputs))
        await y.blockUntilReady()
        y.dispose()
      }
    },
    dispose: () => tree.dispose(inputs),
  }
}

function training(loss, update, given, params) {
  const data = Object.values(given.data).map(put)
  const zeros = () => map((x) => np.zeros(x.shape), params)
  let state = [putAll(params), { t: np.array(0), m: zeros(), v: zeros() }]
  const step = jit((p, s, ...data) => {
    const [value, grads] = valueAndGrad(loss)(tree.ref(p), ...data)
    return [...update(p, grads, s), value]
  })
  const next = async () => {
    const [p, s, value] = step(...state, ...tree.ref(data))
    state = [p, s]
    return value.blockUntilReady()
  }
  return {
    async check() {
      const losses = []
      for (let i = 0; i < 4; i++) losses.push((await (await next()).data())[0])
      return [losses]
    },
    async run(n) {
      for (let i = 0; i < n; i++) (await next()).dispose()
      await blockUntilReady(state)
    },
    dispose: () => tree.dispose([data, state]),
  }
}

/** Adam; with decoupled decay of matrices, AdamW. */
const adam =
  ({ b1, b2, eps, weightDecay = 0 }, rate, after = (p) => p) =>
  (params, grads, { t, m, v }) => {
    const steps = t.ref.add(1)
    const lr = rate(t)
    const scale = lr.ref.div(np.subtract(1, np.exp(steps.ref.mul(Math.log(b1)))))
    const unbias = np.sqrt(np.subtract(1, np.exp(steps.ref.mul(Math.log(b2)))))
    const [p1, m1, v1] = [{}, {}, {}]
    for (const name of Object.keys(params)) {
      const [p, g] = [params[name], grads[name]]
      m1[name] = m[name].mul(b1).add(g.ref.mul(1 - b1))
      v1[name] = v[name].mul(b2).add(g.ref.mul(g).mul(1 - b2))
      const move = m1[name].ref.mul(scale.ref).div(np.sqrt(v1[name].ref).div(unbias.ref).add(eps))
      const kept = weightDecay && p.ndim >= 2 ? p.mul(np.subtract(1, lr.ref.mul(weightDecay))) : p
      p1[name] = kept.sub(move)
    }
    return [after(p1), { t: steps, m: m1, v: v1 }]
  }
const constant = (lr) => (t) => t.mul(0).add(lr)

const dense = (x, p, name) => {
  const y = np.matmul(x, p[`${name}.weight`].ref)
  return p[`${name}.bias`] ? y.add(p[`${name}.bias`].ref) : y
}
const layerNorm = (x, p, name) =>
  nn.standardize(x, -1, { epsilon: 1e-5 }).mul(p[`${name}.weight`].ref).add(p[`${name}.bias`].ref)
const crossEntropy = (logits, labels) =>
  np.sum(nn.logSoftmax(logits, -1).mul(nn.oneHot(labels, 10))).mul(-1 / logits.shape[0])
const gelu = (x) => nn.gelu(x, { approximate: false })

function layers(x, p, { heads, layers }) {
  const [b, t, d] = x.shape
  for (let i = 0; i < layers; i++) {
    const at = `layers.${i}`
    const qkv = dense(layerNorm(x.ref, p, `${at}.ln1`), p, `${at}.qkv`).reshape([b, t, 3, heads, d / heads])
    const [q, k, v] = np.split(qkv, 3, 2).map((y) => y.reshape([b, t, heads, d / heads]))
    x = x.add(dense(nn.dotProductAttention(q, k, v).reshape([b, t, d]), p, `${at}.proj`))
    x = x.ref.add(dense(gelu(dense(layerNorm(x, p, `${at}.ln2`), p, `${at}.fc1`)), p, `${at}.fc2`))
  }
  return x
}

/** A CLIP tower's layers, read at one position: `at` takes that position of [b, t, d]. */
function tower(x, p, name, { heads }, count, at, mask) {
  const act = (y) => y.ref.mul(nn.sigmoid(y.mul(1.702)))
  for (let i = 0; i < count; i++) {
    const here = `${name}.encoder.layers.${i}`
    const own = i === count - 1 ? at(x.ref) : x.ref
    const split = (y, which) => {
      const z = dense(y, p, `${here}.self_attn.${which}_proj`)
      return z.reshape([...z.shape.slice(0, 2), heads, z.shape[2] / heads])
    }
    const norm = layerNorm(x, p, `${here}.layer_norm1`)
    const q = split(i === count - 1 ? at(norm.ref) : norm.ref, 'q')
    const seen = mask && (i === count - 1 ? at(mask) : mask.ref)
    const options = seen ? { mask: np.expandDims(seen, 1) } : {}
    const mixed = nn.dotProductAttention(q, split(norm.ref, 'k'), split(norm, 'v'), options).reshape(own.shape)
    const y = own.add(dense(mixed, p, `${here}.self_attn.out_proj`))
    x = y.ref.add(dense(act(dense(layerNorm(y, p, `${here}.layer_norm2`), p, `${here}.mlp.fc1`)), p, `${here}.mlp.fc2`))
  }
  return np.squeeze(x, 1)
}

function clipLoss(sizes) {
  const unit = (x) => x.ref.div(np.sqrt(np.sum(np.square(x), -1, { keepdims: true })))
  return (p, pixels, ids, mask) => {
    const [b, , side] = pixels.shape
    const { patch, eos } = sizes
    const n = side / patch
    const patches = np.transpose(pixels.reshape([b, 3, n, patch, n, patch]), [0, 2, 4, 1, 3, 5])
    const kernel = p['vision_model.embeddings.patch_embedding.weight'].ref
    const d = kernel.shape[0]
    const tokens = np.matmul(patches.reshape([b, n * n, 3 * patch * patch]), np.transpose(kernel.reshape([d, -1])))
    const first = np.broadcastTo(p['vision_model.embeddings.class_embedding'].ref.reshape([1, 1, d]), [b, 1, d])
    const image = np.concatenate([first, tokens], 1).add(p['vision_model.embeddings.position_embedding.weight'].ref)
    const classToken = (x) => x.slice([], [0, 1])
    const v = tower(
      layerNorm(image, p, 'vision_model.pre_layrnorm'),
      p,
      'vision_model',
      sizes,
      sizes.visionLayers,
      classToken,
    )

    const t = ids.shape[1]
    const position = np.argmax(ids.ref.equal(eos).astype(np.int32), 1)
    const here = nn.oneHot(position, t)
    const at = (x) => np.einsum('bt,btd->bd', here.ref, x).reshape([b, 1, x.shape[2]])
    const text = np
      .take(p['text_model.embeddings.token_embedding.weight'].ref, ids, 0)
      .add(p['text_model.embeddings.position_embedding.weight'].ref.slice([0, t]))
    const seen = np
      .tri(t, t)
      .reshape([1, t, t])
      .mul(mask.equal(1).astype(np.float32).reshape([b, 1, t]))
    const atMask = (x) => (x.dtype === 'bool' ? at(x.astype(np.float32)).greater(0.5) : at(x))
    const w = tower(text, p, 'text_model', sizes, sizes.textLayers, atMask, seen.greater(0.5))

    const images = unit(dense(layerNorm(v, p, 'vision_model.post_layernorm'), p, 'visual_projection'))
    const texts = unit(dense(layerNorm(w, p, 'text_model.final_layer_norm'), p, 'text_projection'))
    const logits = np.matmul(images, np.transpose(texts)).mul(np.exp(p.logit_scale.ref))
    const own = (axis, y) => np.sum(nn.logSoftmax(y, axis).mul(np.eye(b)))
    return own(1, logits.ref)
      .add(own(0, logits))
      .mul(-0.5 / b)
  }
}

serve({
  matmul: (given) =>
    forward(
      {
        NN: (x, y) => np.matmul(x, y),
        NT: (x, y) => np.matmul(x, np.transpose(y)),
        TN: (x, y) => np.matmul(np.transpose(x), y),
      }[given.sizes.layout],
      given,
    ),
  softmax: (given) => forward((x) => nn.softmax(x, -1), given),
  layerNorm: (given) => forward((x, p) => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(p.weight).add(p.bias), given),
  multiplyAdd: (given) => forward((a, b, c) => a.mul(b).add(c), given),
  batched: (given) => forward((x, y) => np.matmul(x, y), given),
  attention: (given) =>
    forward((q, k, v) => nn.dotProductAttention(q, k, v, { isCausal: given.sizes.causal === 1 }), given),
  gather: (given) => forward((x, ids) => np.take(x, ids, 0), given),
  dense: (given) => forward((x, p) => gelu(dense(x, p, 'fc')), { ...given, params: inOut(given.params) }),
  conv(given) {
    const { stride, padding } = given.sizes
    return forward(
      (x, p) => lax.convGeneralDilated(x, p.weight, [stride, stride], padding.toUpperCase()),
      {
        data: { x: permuted(given.data.x, toChannelsFirst) },
        params: { weight: permuted(given.params.weight, toOihw) },
      },
      async (y) => permuted({ shape: y.shape, values: await y.data() }, toChannelsLast),
    )
  },
  block: (given) => forward((x, p) => layers(x, p, given.sizes), { ...given, params: inOut(given.params) }),
  blockGrad(given) {
    const loss = (p, x, ct) => np.sum(layers(x, p, given.sizes).mul(ct))
    const call = jit((p, x, ct) => valueAndGrad(loss, { argnums: [0, 1] })(p, x, ct))
    const inputs = [putAll(inOut(given.params)), put(given.data.x), put(given.data.ct)]
    return {
      async check() {
        const [value, [grads, gx]] = call(...tree.ref(inputs))
        let squares = 0
        for (const g of Object.values(grads)) for (const y of await g.data()) squares += y * y
        return [[(await value.data())[0]], [Math.sqrt(squares)], sample(await gx.data())]
      },
      async run(n) {
        for (let i = 0; i < n; i++) {
          const all = call(...tree.ref(inputs))
          await blockUntilReady(all)
          tree.dispose(all)
        }
      },
      dispose: () => tree.dispose(inputs),
    }
  },
  vit: (given) =>
    training(
      (p, patches, labels) => {
        const x = layers(dense(patches, p, 'patch').add(p.pos.ref), p, given.sizes)
        return crossEntropy(dense(np.mean(layerNorm(x, p, 'ln'), 1), p, 'head'), labels)
      },
      adam(given.sizes, constant(given.sizes.lr)),
      given,
      inOut(given.params),
    ),
  clip: (given) => {
    const { lr, warmup, steps } = given.sizes
    // Linear warm-up, then half a cosine.
    const rate = (t) => {
      const down = np
        .cos(t.ref.sub(warmup).mul(Math.PI / (steps - warmup)))
        .add(1)
        .mul(lr / 2)
      return np.where(t.ref.less(warmup), t.add(1).mul(lr / warmup), down)
    }
    const after = (p) => ({ ...p, logit_scale: np.clip(p.logit_scale, 0, Math.log(100)) })
    const params = inOut(given.params, /embedding/)
    return training(clipLoss(given.sizes), adam(given.sizes, rate, after), given, params)
  },
  convnet(given) {
    const params = map((x) => (x.shape.length === 4 ? permuted(x, toOihw) : x), given.params)
    const head = { shape: [10, 4, 4, 12], values: params['head.weight'].values }
    params['head.weight'] = { shape: [10, 192], values: permuted(head, toChannelsFirst).values }
    const conv = (x, p, name, stride) =>
      nn.relu(
        lax
          .convGeneralDilated(x, p[`${name}.weight`].ref, [stride, stride], 'SAME')
          .add(p[`${name}.bias`].ref.reshape([-1, 1, 1])),
      )
    const data = { x: permuted(given.data.x, toChannelsFirst), labels: given.data.labels }
    return training(
      (p, x, labels) =>
        crossEntropy(dense(conv(conv(x, p, 'conv1', 1), p, 'conv2', 2).reshape([48, 192]), p, 'head'), labels),
      adam(given.sizes, constant(given.sizes.lr)),
      { ...given, data },
      inOut(params),
    )
  },
})
