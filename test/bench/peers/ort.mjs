import { addAdapter } from './dawn.ts'
import { graph } from './onnx.mjs'
import { permuted, sample, serve } from './serve.ts'

/**
 * onnxruntime-web's wasm backend, or onnxruntime-node's native WebGPU where PEER_GPU names an adapter: inference only. Weights are
 * constants of the model, which it packs once; inputs and outputs are copied in and out of its memory at every run, as its API has it.
 */
const gpu = Boolean(process.env.PEER_GPU)
if (gpu) await addAdapter()
const ort = await import(gpu ? 'onnxruntime-node' : 'onnxruntime-web')
ort.env.logLevel = 'error'
if (!gpu) ort.env.wasm.numThreads = Number(process.env.PEER_THREADS ?? 2)

/** `build` appends to a graph with the data as inputs and returns the output's name and shape. */
async function forward(given, build, read = (y) => y) {
  const { data, params } = given
  const shapes = Object.fromEntries(Object.entries(data).map(([name, { shape }]) => [name, shape]))
  const g = graph(shapes, params)
  const [output, shape] = build(g)
  const session = await ort.InferenceSession.create(g.model(output, shape), {
    executionProviders: [gpu ? 'webgpu' : 'wasm'],
    graphOptimizationLevel: 'all',
  })
  const feeds = Object.fromEntries(
    Object.entries(data).map(([name, x]) => [name, new ort.Tensor('float32', x.values, x.shape)]),
  )
  return {
    async check() {
      const { [output]: y } = await session.run(feeds)
      return [sample(read({ shape: [...y.dims], values: y.data }).values)]
    },
    async run(n) {
      for (let i = 0; i < n; i++) await session.run(feeds)
    },
    dispose: () => void session.release(),
  }
}

const inOut = (params) =>
  Object.fromEntries(Object.entries(params).map(([name, x]) => [name, x.shape.length === 2 ? permuted(x, [1, 0]) : x]))
const dense = (g, x, name) => g.node('Add', [g.node('MatMul', [x, `${name}.weight`]), `${name}.bias`])
const norm = (g, x, name) =>
  g.node('LayerNormalization', [x, `${name}weight`, `${name}bias`], { axis: -1, epsilon: 1e-5 })

function layers(g, x, { heads, layers }) {
  for (let i = 0; i < layers; i++) {
    const at = `layers.${i}`
    const qkv = dense(g, norm(g, x, `${at}.ln1.`), `${at}.qkv`)
    const parts = g.node('Split', [qkv], { axis: 2, num_outputs: 3 }, { outputs: 3 })
    const mixed = g.node('MultiHeadAttention', parts, { num_heads: heads }, { domain: 'com.microsoft' })
    const y = g.node('Add', [x, dense(g, mixed, `${at}.proj`)])
    const hidden = g.node('Gelu', [dense(g, norm(g, y, `${at}.ln2.`), `${at}.fc1`)])
    x = g.node('Add', [y, dense(g, hidden, `${at}.fc2`)])
  }
  return x
}

serve({
  matmul(given) {
    const n = given.data.x.shape[0]
    const turn = (g, x) => g.node('Transpose', [x], { perm: [1, 0] })
    return forward(given, (g) => {
      const [x, y] = [...given.sizes.layout].map((t, i) => {
        const name = 'xy'[i]
        return t === 'T' ? turn(g, name) : name
      })
      return [g.node('MatMul', [x, y]), [n, n]]
    })
  },
  softmax: (given) => forward(given, (g) => [g.node('Softmax', ['x'], { axis: -1 }), given.data.x.shape]),
  layerNorm: (given) => forward(given, (g) => [norm(g, 'x', ''), given.data.x.shape]),
  multiplyAdd: (given) => forward(given, (g) => [g.node('Add', [g.node('Mul', ['a', 'b']), 'c']), given.data.a.shape]),
  batched(given) {
    const [b, m] = given.data.x.shape
    return forward(given, (g) => [g.node('MatMul', ['x', 'y']), [b, m, given.data.y.shape[2]]])
  },
  attention(given) {
    const [b, t, h, d] = given.data.q.shape
    const data = Object.fromEntries(
      Object.entries(given.data).map(([name, x]) => [name, { ...x, shape: [b, t, h * d] }]),
    )
    const options = { num_heads: h, unidirectional: given.sizes.causal }
    return forward({ ...given, data }, (g) => [
      g.node('MultiHeadAttention', ['q', 'k', 'v'], options, { domain: 'com.microsoft' }),
      [b, t, h * d],
    ])
  },
  dense: (given) =>
    forward({ ...given, params: inOut(given.params) }, (g) => [g.node('Gelu', [dense(g, 'x', 'fc')]), [256, 2048]]),
  conv(given) {
    const { stride, padding } = given.sizes
    const data = { x: permuted(given.data.x, [0, 3, 1, 2]) }
    const params = { weight: permuted(given.params.weight, [3, 2, 0, 1]) }
    const [n, , h, w] = data.x.shape
    const pad = padding === 'same' ? params.weight.shape[2] >> 1 : 0
    const to = [n, params.weight.shape[0], h / stride, w / stride]
    return forward(
      { data, params },
      (g) => [g.node('Conv', ['x', 'weight'], { strides: [stride, stride], pads: [pad, pad, pad, pad] }), to],
      (y) => permuted(y, [0, 2, 3, 1]),
    )
  },
  block: (given) =>
    forward({ ...given, params: inOut(given.params) }, (g) => [layers(g, 'x', given.sizes), given.data.x.shape]),
})
