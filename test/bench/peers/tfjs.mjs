import { createRequire } from 'node:module'
import { browserGpu } from './dawn.ts'
import { permuted, sample, serve } from './serve.ts'
import { browserWorkers } from './web-worker.mjs'

/**
 * TensorFlow.js on its wasm backend (SIMD, and threads if PEER_THREADS is more than one), or on WebGPU where PEER_GPU names an adapter. Its products are fast where neither operand
 * is transposed, so operands are transposed before. Gathering has no gradient there, so ids are looked up by a product.
 */
const threads = Number(process.env.PEER_THREADS ?? 2)
const gpu = Boolean(process.env.PEER_GPU)
if (gpu) await browserGpu()
else if (threads > 1) browserWorkers(threads)
const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs')
if (gpu) require('@tensorflow/tfjs-backend-webgpu')
else {
  const { setThreadsCount } = require('@tensorflow/tfjs-backend-wasm')
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1)
  setThreadsCount(threads)
}
await tf.setBackend(gpu ? 'webgpu' : 'wasm')

/** Until all that was asked for is done; on WebAssembly it is already. */
async function settle() {
  if (!gpu) return
  const backend = tf.backend()
  backend.ensureCommandEncoderReady()
  backend.endComputePassEncoder()
  backend.submitQueue()
  await backend.queue.onSubmittedWorkDone()
}

const put = ({ shape, values }) => tf.tensor(values, shape, values instanceof Int32Array ? 'int32' : 'float32')
const map = (f, object) => Object.fromEntries(Object.entries(object).map(([name, x]) => [name, f(x, name)]))
/** Dense weights as [in, out]. */
const inOut = (params, keep = /^$/) =>
  map(
    (x, name) => (x.shape.length === 2 && name.endsWith('.weight') && !keep.test(name) ? permuted(x, [1, 0]) : x),
    params,
  )

function forward(f, given) {
  const data = Object.values(given.data).map(put)
  const params = map(put, given.params)
  const call = () => tf.tidy(() => f(...data, params))
  return {
    async check() {
      const y = call()
      const values = sample(await y.data())
      y.dispose()
      return [values]
    },
    async run(n) {
      for (let i = 0; i < n; i++) call().dispose()
      await settle()
    },
    dispose: () => tf.dispose([data, params]),
  }
}

function training(loss, given, params, { before = () => {}, decay = () => {}, after = () => {} } = {}) {
  const { lr, b1, b2, eps } = given.sizes
  const data = Object.values(given.data).map(put)
  const p = map((x) => tf.variable(put(x)), params)
  const optimizer = tf.train.adam(lr, b1, b2, eps)
  let step = 0
  const next = () =>
    tf.tidy(() => {
      before(optimizer, step++)
      const { value, grads } = optimizer.computeGradients(() => loss(p, ...data), Object.values(p))
      decay(optimizer, p)
      optimizer.applyGradients(grads)
      after(p)
      return value
    })
  return {
    async check() {
      const losses = []
      for (let i = 0; i < 4; i++) {
        const value = next()
        losses.push((await value.data())[0])
        value.dispose()
      }
      return [losses]
    },
    async run(n) {
      for (let i = 0; i < n; i++) next().dispose()
      await settle()
    },
    dispose() {
      optimizer.dispose()
      tf.dispose([data, p])
    },
  }
}

const dense = (x, p, name) => {
  const [d, out] = p[`${name}.weight`].shape
  const y = tf.fused.matMul({ a: x.reshape([-1, d]), b: p[`${name}.weight`], bias: p[`${name}.bias`] })
  return y.reshape([...x.shape.slice(0, -1), out])
}
const norm = (x, weight, bias) => {
  const centred = x.sub(x.mean(-1, true))
  return centred.mul(centred.square().mean(-1, true).add(1e-5).rsqrt()).mul(weight).add(bias)
}
const layerNorm = (x, p, name) => norm(x, p[`${name}.weight`], p[`${name}.bias`])
const gelu = (x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1))
const crossEntropy = (logits, labels) => tf.losses.softmaxCrossEntropy(tf.oneHot(labels, 10), logits)

/** q [b, h, q, k], k transposed to [b, h, k, t], v [b, h, t, k] → [b, q, h·k]. */
function attention(q, k, v, mask) {
  const [b, h, n, width] = q.shape
  const scores = tf.matMul(q, k).mul(width ** -0.5)
  const weights = tf.softmax(mask ? tf.where(mask, scores, -3.4e38) : scores)
  return tf
    .matMul(weights, v)
    .transpose([0, 2, 1, 3])
    .reshape([b, n, h * width])
}

function layers(x, p, { heads, layers }) {
  const [b, t, d] = x.shape
  for (let i = 0; i < layers; i++) {
    const at = `layers.${i}`
    const parts = tf.split(dense(layerNorm(x, p, `${at}.ln1`), p, `${at}.qkv`), 3, 2)
    const [q, k, v] = parts.map((y, j) =>
      y.reshape([b, t, heads, d / heads]).transpose(j === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3]),
    )
    x = x.add(dense(attention(q, k, v), p, `${at}.proj`))
    x = x.add(dense(gelu(dense(layerNorm(x, p, `${at}.ln2`), p, `${at}.fc1`)), p, `${at}.fc2`))
  }
  return x
}

/** A CLIP tower's layers, read at one position: `at` takes that position of [b, t, d]. */
function tower(x, p, name, { heads }, count, at, mask, lastMask) {
  const act = (y) => y.mul(tf.sigmoid(y.mul(1.702)))
  for (let i = 0; i < count; i++) {
    const here = `${name}.encoder.layers.${i}`
    const last = i === count - 1
    const split = (y, which, order) => {
      const z = dense(y, p, `${here}.self_attn.${which}_proj`)
      return z.reshape([...z.shape.slice(0, 2), heads, z.shape[2] / heads]).transpose(order)
    }
    const normed = layerNorm(x, p, `${here}.layer_norm1`)
    const q = split(last ? at(normed) : normed, 'q', [0, 2, 1, 3])
    const [k, v] = [split(normed, 'k', [0, 2, 3, 1]), split(normed, 'v', [0, 2, 1, 3])]
    const y = (last ? at(x) : x).add(dense(attention(q, k, v, last ? lastMask : mask), p, `${here}.self_attn.out_proj`))
    x = y.add(dense(act(dense(layerNorm(y, p, `${here}.layer_norm2`), p, `${here}.mlp.fc1`)), p, `${here}.mlp.fc2`))
  }
  return x.squeeze([1])
}

function clipLoss(sizes) {
  const unit = (x) => x.div(x.square().sum(-1, true).sqrt())
  return (p, pixels, ids, mask) => {
    const [b, , side] = pixels.shape
    const { patch, eos } = sizes
    const n = side / patch
    const patches = pixels.reshape([b, 3, n, patch, n, patch]).transpose([0, 2, 4, 1, 3, 5])
    const kernel = p['vision_model.embeddings.patch_embedding.weight']
    const d = kernel.shape[0]
    const tokens = tf.matMul(patches.reshape([b * n * n, 3 * patch * patch]), kernel.reshape([d, -1]).transpose())
    const first = tf.ones([b, 1, 1]).mul(p['vision_model.embeddings.class_embedding'].reshape([1, 1, d]))
    const image = tf
      .concat([first, tokens.reshape([b, n * n, d])], 1)
      .add(p['vision_model.embeddings.position_embedding.weight'])
    const classToken = (x) => x.slice([0, 0, 0], [-1, 1, -1])
    const v = tower(
      layerNorm(image, p, 'vision_model.pre_layrnorm'),
      p,
      'vision_model',
      sizes,
      sizes.visionLayers,
      classToken,
    )

    const t = ids.shape[1]
    const here = tf.oneHot(tf.argMax(ids.equal(eos).toInt(), 1), t).toFloat()
    const at = (x) => x.mul(here.expandDims(2)).sum(1, true)
    const table = p['text_model.embeddings.token_embedding.weight']
    const looked = tf.matMul(tf.oneHot(ids.flatten(), table.shape[0]).toFloat(), table).reshape([b, t, d])
    const text = looked.add(p['text_model.embeddings.position_embedding.weight'].slice([0, 0], [t, -1]))
    const causal = tf.linalg.bandPart(tf.ones([t, t]), -1, 0)
    const seen = causal.mul(mask.toFloat().expandDims(1))
    const bool = (x) => x.expandDims(1).greater(0.5).tile([1, sizes.heads, 1, 1])
    const w = tower(text, p, 'text_model', sizes, sizes.textLayers, at, bool(seen), bool(at(seen)))

    const images = unit(dense(layerNorm(v, p, 'vision_model.post_layernorm'), p, 'visual_projection'))
    const texts = unit(dense(layerNorm(w, p, 'text_model.final_layer_norm'), p, 'text_projection'))
    const logits = tf.matMul(images, texts.transpose()).mul(p.logit_scale.exp())
    const own = tf.eye(b)
    const loss = (y) => tf.losses.softmaxCrossEntropy(own, y)
    return loss(logits).add(loss(logits.transpose())).mul(0.5)
  }
}

serve({
  matmul: (given) =>
    forward(
      {
        NN: (x, y) => tf.matMul(x, y),
        NT: (x, y) => tf.matMul(x, y.transpose()),
        TN: (x, y) => tf.matMul(x.transpose(), y),
      }[given.sizes.layout],
      given,
    ),
  softmax: (given) => forward((x) => tf.softmax(x), given),
  layerNorm: (given) => forward((x, p) => norm(x, p.weight, p.bias), given),
  multiplyAdd: (given) => forward((a, b, c) => a.mul(b).add(c), given),
  batched: (given) => forward((x, y) => tf.matMul(x, y), given),
  attention: (given) =>
    forward((q, k, v) => {
      const [b, t, h, d] = q.shape
      const causal = () =>
        tf.linalg
          .bandPart(tf.ones([t, t]), -1, 0)
          .greater(0.5)
          .reshape([1, 1, t, t])
      const mask = given.sizes.causal ? causal().tile([b, h, 1, 1]) : undefined
      const [queries, values] = [q, v].map((x) => x.transpose([0, 2, 1, 3]))
      return attention(queries, k.transpose([0, 2, 3, 1]), values, mask).reshape([b, t, h, d])
    }, given),
  gather: (given) => forward((x, ids) => tf.gather(x, ids), given),
  scatterAdd: (given) => forward((x, ids) => tf.unsortedSegmentSum(x, ids, given.sizes.rows), given),
  dense: (given) => forward((x, p) => gelu(dense(x, p, 'fc')), { ...given, params: inOut(given.params) }),
  conv: (given) => forward((x, p) => tf.conv2d(x, p.weight, given.sizes.stride, given.sizes.padding), given),
  block: (given) => forward((x, p) => layers(x, p, given.sizes), { ...given, params: inOut(given.params) }),
  blockGrad(given) {
    const p = map((x) => tf.variable(put(x)), inOut(given.params))
    const [x, ct] = [tf.variable(put(given.data.x)), put(given.data.ct)]
    const call = () => {
      const { value, grads } = tf.variableGrads(() => layers(x, p, given.sizes).mul(ct).sum(), [x, ...Object.values(p)])
      return { value, gx: grads[x.name], grads: Object.values(p).map(({ name }) => grads[name]) }
    }
    return {
      async check() {
        const { value, gx, grads } = call()
        let squares = 0
        for (const g of grads) for (const y of await g.data()) squares += y * y
        return [[(await value.data())[0]], [Math.sqrt(squares)], sample(await gx.data())]
      },
      async run(n) {
        for (let i = 0; i < n; i++) tf.dispose(call())
        await settle()
      },
      dispose: () => tf.dispose([p, x, ct]),
    }
  },
  vit: (given) =>
    training(
      (p, patches, labels) => {
        const x = layers(dense(patches, p, 'patch').add(p.pos), p, given.sizes)
        return crossEntropy(dense(layerNorm(x, p, 'ln').mean(1), p, 'head'), labels)
      },
      given,
      inOut(given.params),
    ),
  clip(given) {
    const { lr, warmup, steps, weightDecay } = given.sizes
    const rate = (t) =>
      lr * (t < warmup ? (t + 1) / warmup : (1 + Math.cos(Math.PI * Math.min(1, (t - warmup) / (steps - warmup)))) / 2)
    return training(clipLoss(given.sizes), given, inOut(given.params, /embedding/), {
      before(optimizer, step) {
        optimizer.learningRate = rate(step)
      },
      decay(optimizer, p) {
        const keep = 1 - optimizer.learningRate * weightDecay
        for (const x of Object.values(p)) if (x.shape.length >= 2) x.assign(x.mul(keep))
      },
      after: ({ logit_scale: scale }) => scale.assign(tf.clipByValue(scale, 0, Math.log(100))),
    })
  },
  convnet: (given) =>
    training(
      (p, x, labels) => {
        const conv = (y, name, stride) =>
          tf.conv2d(y, p[`${name}.weight`], stride, 'same').add(p[`${name}.bias`]).relu()
        return crossEntropy(dense(conv(conv(x, 'conv1', 1), 'conv2', 2).reshape([48, 192]), p, 'head'), labels)
      },
      given,
      inOut(given.params),
    ),
})
