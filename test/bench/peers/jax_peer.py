"""JAX's jit on the CPU, parameters and optimiser state donated."""

import math
import os

from serve import limit_cores, sample, serve

os.environ["JAX_PLATFORMS"] = "cpu"
limit_cores()

import jax
import jax.numpy as jnp
import numpy as np


def put_all(arrays):
    return {name: jnp.asarray(x) for name, x in arrays.items()}


def in_out(params, keep=()):
    """Dense weights as [in, out]."""

    def turned(name, x):
        return x.T if x.ndim == 2 and name.endswith(".weight") and not any(k in name for k in keep) else x

    return {name: np.ascontiguousarray(turned(name, x)) for name, x in params.items()}


def forward(f, inputs):
    call = jax.jit(f)
    inputs = jax.tree.map(jnp.asarray, inputs)

    def run(n):
        for _ in range(n):
            jax.block_until_ready(call(*inputs))

    return lambda: [sample(call(*inputs))], run


def training(loss, params, data, update):
    params = put_all(params)
    zeros = {name: jnp.zeros_like(x) for name, x in params.items()}
    state = [params, {"t": jnp.float32(0), "m": zeros, "v": jax.tree.map(jnp.copy, zeros)}]
    data = tuple(map(jnp.asarray, data))

    def step(p, s, *data):
        value, grads = jax.value_and_grad(loss)(p, *data)
        p, s = update(p, grads, s)
        return p, s, value

    step = jax.jit(step, donate_argnums=(0, 1))

    def once():
        state[0], state[1], value = step(*state, *data)
        return value

    def run(n):
        for _ in range(n):
            value = once()
        float(value)
        jax.block_until_ready(state)

    return lambda: [[float(once()) for _ in range(4)]], run


def adam(sizes, rate, decay=0.0, after=lambda p: p):
    b1, b2, eps = sizes["b1"], sizes["b2"], sizes["eps"]

    def update(params, grads, s):
        t = s["t"] + 1
        lr = rate(s["t"])
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, s["m"], grads)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, s["v"], grads)
        scale, unbias = lr / (1 - b1**t), jnp.sqrt(1 - b2**t)

        def move(p, m, v):
            kept = p * (1 - lr * decay) if decay and p.ndim >= 2 else p
            return kept - scale * m / (jnp.sqrt(v) / unbias + eps)

        return after(jax.tree.map(move, params, m, v)), {"t": t, "m": m, "v": v}

    return update


def dense(x, p, name):
    y = x @ p[f"{name}.weight"]
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def scaled(x, w, b):
    c = x - x.mean(-1, keepdims=True)
    return c * jax.lax.rsqrt((c * c).mean(-1, keepdims=True) + 1e-5) * w + b


def norm(x, p, name):
    return scaled(x, p[f"{name}.weight"], p[f"{name}.bias"])


def attention(q, k, v, mask=None):
    scores = jnp.einsum("bqhk,bthk->bhqt", q, k) * q.shape[-1] ** -0.5
    weights = jax.nn.softmax(scores if mask is None else jnp.where(mask, scores, -3.4e38), -1)
    return jnp.einsum("bhqt,bthk->bqhk", weights, v)


def gelu(x):
    return jax.nn.gelu(x, approximate=False)


def cross_entropy(logits, labels):
    return -(jax.nn.log_softmax(logits) * jax.nn.one_hot(labels, logits.shape[-1])).sum() / logits.shape[0]


def layers(x, p, sizes):
    b, t, d = x.shape
    for i in range(sizes["layers"]):
        at = f"layers.{i}"
        qkv = dense(norm(x, p, f"{at}.ln1"), p, f"{at}.qkv").reshape(b, t, 3, sizes["heads"], -1)
        x = x + dense(attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]).reshape(b, t, d), p, f"{at}.proj")
        x = x + dense(gelu(dense(norm(x, p, f"{at}.ln2"), p, f"{at}.fc1")), p, f"{at}.fc2")
    return x


def tower(x, p, name, sizes, count, position, mask=None):
    """A CLIP tower's layers, the last at one position of each row only."""
    b, t, d = x.shape
    rows = jnp.arange(b)
    for i in range(count):
        here = f"{name}.encoder.layers.{i}"
        last = i == count - 1
        normed = norm(x, p, f"{here}.layer_norm1")
        own, q_in, seen = x, normed, mask
        if last:
            own, q_in = x[rows, position][:, None], normed[rows, position][:, None]
            seen = None if mask is None else mask[rows, :, position][:, :, None]
        q, k, v = (
            dense(y, p, f"{here}.self_attn.{w}_proj").reshape(b, y.shape[1], sizes["heads"], -1)
            for y, w in ((q_in, "q"), (normed, "k"), (normed, "v"))
        )
        x = own + dense(attention(q, k, v, seen).reshape(own.shape), p, f"{here}.self_attn.out_proj")
        y = dense(norm(x, p, f"{here}.layer_norm2"), p, f"{here}.mlp.fc1")
        x = x + dense(y * jax.nn.sigmoid(1.702 * y), p, f"{here}.mlp.fc2")
    return x[:, 0]


def clip_loss(sizes):
    def unit(x):
        return x / jnp.sqrt((x * x).sum(-1, keepdims=True))

    def loss(p, pixels, ids, mask):
        b, _, side, _ = pixels.shape
        s = sizes["patch"]
        n = side // s
        kernel = p["vision_model.embeddings.patch_embedding.weight"]
        flat = pixels.reshape(b, 3, n, s, n, s).transpose(0, 2, 4, 1, 3, 5).reshape(b, n * n, -1)
        tokens = flat @ kernel.reshape(kernel.shape[0], -1).T
        first = jnp.broadcast_to(p["vision_model.embeddings.class_embedding"], (b, 1, kernel.shape[0]))
        x = jnp.concatenate([first, tokens], 1) + p["vision_model.embeddings.position_embedding.weight"]
        x = norm(x, p, "vision_model.pre_layrnorm")
        v = tower(x, p, "vision_model", sizes, sizes["visionLayers"], jnp.zeros(b, int))

        t = ids.shape[1]
        position = (ids == sizes["eos"]).argmax(1)
        y = p["text_model.embeddings.token_embedding.weight"][ids]
        y = y + p["text_model.embeddings.position_embedding.weight"][:t]
        seen = jnp.tril(jnp.ones((t, t), bool)) & (mask == 1).reshape(b, 1, 1, t)
        w = tower(y, p, "text_model", sizes, sizes["textLayers"], position, seen)

        images = unit(dense(norm(v, p, "vision_model.post_layernorm"), p, "visual_projection"))
        texts = unit(dense(norm(w, p, "text_model.final_layer_norm"), p, "text_projection"))
        logits = images @ texts.T * jnp.exp(p["logit_scale"])
        own = jnp.eye(b)
        return -((jax.nn.log_softmax(logits, 1) + jax.nn.log_softmax(logits, 0)) * own).sum() / (2 * b)

    return loss


def matmul(sizes, data, params):
    f = {"NN": lambda x, y: x @ y, "NT": lambda x, y: x @ y.T, "TN": lambda x, y: x.T @ y}[sizes["layout"]]
    return forward(f, (data["x"], data["y"]))


def convolve(x, w, stride, padding):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC"))


def block_grad(sizes, data, params):
    def loss(p, x, ct):
        return (layers(x, p, sizes) * ct).sum()

    call = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    inputs = (put_all(in_out(params)), jnp.asarray(data["x"]), jnp.asarray(data["ct"]))

    def check():
        value, (grads, gx) = call(*inputs)
        squares = sum((np.asarray(g, np.float64) ** 2).sum() for g in grads.values())
        return [[float(value)], [math.sqrt(squares)], sample(gx)]

    def run(n):
        for _ in range(n):
            jax.block_until_ready(call(*inputs))

    return check, run


def vit(sizes, data, params):
    def loss(p, patches, labels):
        x = layers(dense(patches, p, "patch") + p["pos"], p, sizes)
        return cross_entropy(dense(norm(x, p, "ln").mean(1), p, "head"), labels)

    return training(loss, in_out(params), data.values(), adam(sizes, lambda t: sizes["lr"]))


def convnet(sizes, data, params):
    def loss(p, x, labels):
        y = jax.nn.relu(convolve(x, p["conv1.weight"], 1, "same") + p["conv1.bias"])
        y = jax.nn.relu(convolve(y, p["conv2.weight"], 2, "same") + p["conv2.bias"])
        return cross_entropy(dense(y.reshape(y.shape[0], -1), p, "head"), labels)

    return training(loss, in_out(params), data.values(), adam(sizes, lambda t: sizes["lr"]))


def clip(sizes, data, params):
    warmup, total, lr = sizes["warmup"], sizes["steps"], sizes["lr"]

    def rate(t):
        down = (1 + jnp.cos(math.pi * jnp.minimum(1, (t - warmup) / (total - warmup)))) / 2
        return lr * jnp.where(t < warmup, (t + 1) / warmup, down)

    def clamp(p):
        return {**p, "logit_scale": jnp.clip(p["logit_scale"], 0, math.log(100))}

    update = adam(sizes, rate, sizes["weightDecay"], clamp)
    return training(clip_loss(sizes), in_out(params, ("embedding",)), data.values(), update)


serve(
    {
        "matmul": matmul,
        "softmax": lambda s, d, p: forward(lambda x: jax.nn.softmax(x, -1), (d["x"],)),
        "layerNorm": lambda s, d, p: forward(scaled, (d["x"], p["weight"], p["bias"])),
        "multiplyAdd": lambda s, d, p: forward(lambda a, b, c: a * b + c, tuple(d.values())),
        "batched": lambda s, d, p: forward(jnp.matmul, tuple(d.values())),
        "attention": lambda s, d, p: forward(
            lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=s["causal"] == 1), tuple(d.values())
        ),
        "gather": lambda s, d, p: forward(lambda x, ids: x[ids], tuple(d.values())),
        "scatterAdd": lambda s, d, p: forward(
            lambda x, ids: jax.ops.segment_sum(x, ids, s["rows"]), tuple(d.values())
        ),
        "dense": lambda s, d, p: forward(lambda x, p: gelu(dense(x, p, "fc")), (d["x"], in_out(p))),
        "conv": lambda s, d, p: forward(
            lambda x, w: convolve(x, w, s["stride"], s["padding"]), (d["x"], p["weight"])
        ),
        "block": lambda s, d, p: forward(lambda x, p: layers(x, p, s), (d["x"], in_out(p))),
        "blockGrad": block_grad,
        "vit": vit,
        "clip": clip,
        "convnet": convnet,
    }
)
