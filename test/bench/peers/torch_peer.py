"""PyTorch on the CPU, eager, with its fused attention and fused optimisers."""

import math

import numpy as np
from serve import THREADS, sample, serve

import torch
import torch.nn.functional as F

torch.set_num_threads(THREADS)


def put(x):
    return torch.from_numpy(np.ascontiguousarray(x))


def put_all(arrays):
    return {name: put(x) for name, x in arrays.items()}


def forward(f, inputs):
    @torch.inference_mode()
    def check():
        return [sample(f(*inputs).numpy())]

    @torch.inference_mode()
    def run(n):
        for _ in range(n):
            f(*inputs)

    return check, run


def training(loss, params, data, optimizer, before=lambda step: None, after=lambda: None):
    count = 0

    def step():
        nonlocal count
        optimizer.zero_grad(set_to_none=True)
        value = loss(params, *data)
        value.backward()
        before(count)
        optimizer.step()
        after()
        count += 1
        return value

    def check():
        return [[step().item() for _ in range(4)]]

    def run(n):
        for _ in range(n):
            value = step()
        value.item()

    return check, run


def dense(x, p, name):
    return F.linear(x, p[f"{name}.weight"], p.get(f"{name}.bias"))


def norm(x, p, name):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)


def layers(x, p, sizes):
    b, t, d = x.shape
    for i in range(sizes["layers"]):
        at = f"layers.{i}"
        qkv = dense(norm(x, p, f"{at}.ln1"), p, f"{at}.qkv").view(b, t, 3, sizes["heads"], -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = x + dense(mixed, p, f"{at}.proj")
        x = x + dense(F.gelu(dense(norm(x, p, f"{at}.ln2"), p, f"{at}.fc1")), p, f"{at}.fc2")
    return x


def tower(x, p, name, sizes, count, position, mask=None):
    """A CLIP tower's layers, the last at one position of each row only."""
    b, t, d = x.shape
    rows = torch.arange(b)
    for i in range(count):
        here = f"{name}.encoder.layers.{i}"
        last = i == count - 1
        normed = norm(x, p, f"{here}.layer_norm1")
        own, q_in, seen = x, normed, mask
        if last:
            own, q_in = x[rows, position].unsqueeze(1), normed[rows, position].unsqueeze(1)
            seen = None if mask is None else mask[rows, :, position].unsqueeze(2)
        q, k, v = (
            dense(y, p, f"{here}.self_attn.{w}_proj").view(b, y.shape[1], sizes["heads"], -1).transpose(1, 2)
            for y, w in ((q_in, "q"), (normed, "k"), (normed, "v"))
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).reshape(b, -1, d)
        x = own + dense(mixed, p, f"{here}.self_attn.out_proj")
        y = dense(norm(x, p, f"{here}.layer_norm2"), p, f"{here}.mlp.fc1")
        x = x + dense(y * torch.sigmoid(1.702 * y), p, f"{here}.mlp.fc2")
    return x.squeeze(1)


def clip_loss(sizes):
    def loss(p, pixels, ids, mask):
        b, _, side, _ = pixels.shape
        s = sizes["patch"]
        kernel = p["vision_model.embeddings.patch_embedding.weight"]
        n = side // s
        flat = pixels.view(b, 3, n, s, n, s).permute(0, 2, 4, 1, 3, 5).reshape(b, n * n, -1)
        tokens = F.linear(flat, kernel.view(kernel.shape[0], -1))
        first = p["vision_model.embeddings.class_embedding"].expand(b, 1, -1)
        x = torch.cat([first, tokens], 1) + p["vision_model.embeddings.position_embedding.weight"]
        x = norm(x, p, "vision_model.pre_layrnorm")
        v = tower(x, p, "vision_model", sizes, sizes["visionLayers"], torch.zeros(b, dtype=torch.long))

        t = ids.shape[1]
        position = (ids == sizes["eos"]).int().argmax(1)
        y = F.embedding(ids, p["text_model.embeddings.token_embedding.weight"])
        y = y + p["text_model.embeddings.position_embedding.weight"][:t]
        seen = torch.ones(t, t, dtype=torch.bool).tril() & mask.bool().view(b, 1, 1, t)
        w = tower(y, p, "text_model", sizes, sizes["textLayers"], position, seen)

        images = F.normalize(dense(norm(v, p, "vision_model.post_layernorm"), p, "visual_projection"), dim=-1)
        texts = F.normalize(dense(norm(w, p, "text_model.final_layer_norm"), p, "text_projection"), dim=-1)
        logits = images @ texts.T * p["logit_scale"].exp()
        own = torch.arange(b)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2

    return loss


def matmul(sizes, data, params):
    x, y = put(data["x"]), put(data["y"])
    f = {"NN": lambda x, y: x @ y, "NT": lambda x, y: x @ y.T, "TN": lambda x, y: x.T @ y}[sizes["layout"]]
    return forward(f, (x, y))


def conv(sizes, data, params):
    # Channels last, as the data lies in memory.
    x = put(data["x"]).permute(0, 3, 1, 2)
    w = put(params["weight"].transpose(3, 2, 0, 1)).contiguous(memory_format=torch.channels_last)
    padding = w.shape[2] // 2 if sizes["padding"] == "same" else 0

    def f(x, w):
        return F.conv2d(x, w, stride=sizes["stride"], padding=padding).permute(0, 2, 3, 1)

    return forward(f, (x, w))


def block_grad(sizes, data, params):
    x, ct = put(data["x"]).requires_grad_(), put(data["ct"])
    p = {name: y.requires_grad_() for name, y in put_all(params).items()}
    leaves = [x, *p.values()]

    def once():
        value = (layers(x, p, sizes) * ct).sum()
        return value, torch.autograd.grad(value, leaves)

    def check():
        value, (gx, *grads) = once()
        squares = sum((g.double() ** 2).sum().item() for g in grads)
        return [[value.item()], [math.sqrt(squares)], sample(gx.numpy())]

    def run(n):
        for _ in range(n):
            once()

    return check, run


def adam(sizes, params):
    return torch.optim.Adam(params.values(), lr=sizes["lr"], betas=(sizes["b1"], sizes["b2"]), eps=sizes["eps"], fused=True)


def vit(sizes, data, params):
    def loss(p, patches, labels):
        x = layers(dense(patches, p, "patch") + p["pos"], p, sizes)
        return F.cross_entropy(dense(norm(x, p, "ln").mean(1), p, "head"), labels)

    p = {name: y.requires_grad_() for name, y in put_all(params).items()}
    return training(loss, p, (put(data["patches"]), put(data["labels"]).long()), adam(sizes, p))


def convnet(sizes, data, params):
    p = put_all(params)
    for name in ("conv1", "conv2"):
        w = p[f"{name}.weight"].permute(3, 2, 0, 1)
        p[f"{name}.weight"] = w.contiguous(memory_format=torch.channels_last)
    p = {name: y.requires_grad_() for name, y in p.items()}

    def loss(p, x, labels):
        y = F.relu(F.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=1))
        # 'same' with stride 2 on 8 places pads one after, none before.
        y = F.relu(F.conv2d(F.pad(y, (0, 1, 0, 1)), p["conv2.weight"], p["conv2.bias"], stride=2))
        return F.cross_entropy(dense(y.permute(0, 2, 3, 1).flatten(1), p, "head"), labels)

    data = (put(data["x"]).permute(0, 3, 1, 2), put(data["labels"]).long())
    return training(loss, p, data, adam(sizes, p))


def clip(sizes, data, params):
    p = {name: y.requires_grad_() for name, y in put_all(params).items()}
    groups = [
        {"params": [y for y in p.values() if y.ndim >= 2], "weight_decay": sizes["weightDecay"]},
        {"params": [y for y in p.values() if y.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(sizes["b1"], sizes["b2"]), eps=sizes["eps"], fused=True)

    def rate(step):
        warmup, total = sizes["warmup"], sizes["steps"]
        down = (1 + math.cos(math.pi * min(1, (step - warmup) / (total - warmup)))) / 2
        for group in optimizer.param_groups:
            group["lr"] = sizes["lr"] * ((step + 1) / warmup if step < warmup else down)

    @torch.no_grad()
    def clamp():
        p["logit_scale"].clamp_(0, math.log(100))

    data = (put(data["pixels"]), put(data["ids"]).long(), put(data["mask"]))
    return training(clip_loss(sizes), p, data, optimizer, rate, clamp)


serve(
    {
        "matmul": matmul,
        "softmax": lambda s, d, p: forward(lambda x: F.softmax(x, -1), (put(d["x"]),)),
        "layerNorm": lambda s, d, p: forward(
            lambda x, w, b: F.layer_norm(x, x.shape[-1:], w, b, 1e-5), (put(d["x"]), put(p["weight"]), put(p["bias"]))
        ),
        "multiplyAdd": lambda s, d, p: forward(lambda a, b, c: torch.addcmul(c, a, b), tuple(map(put, d.values()))),
        "batched": lambda s, d, p: forward(torch.matmul, tuple(map(put, d.values()))),
        "attention": lambda s, d, p: forward(
            lambda *qkv: F.scaled_dot_product_attention(
                *(x.transpose(1, 2) for x in qkv), is_causal=s["causal"] == 1
            ).transpose(1, 2),
            tuple(map(put, d.values())),
        ),
        "gather": lambda s, d, p: forward(lambda x, ids: F.embedding(ids, x), (put(d["x"]), put(d["ids"]).long())),
        "scatterAdd": lambda s, d, p: forward(
            lambda x, ids: torch.zeros(s["rows"], x.shape[1]).index_add_(0, ids, x), (put(d["x"]), put(d["ids"]).long())
        ),
        "dense": lambda s, d, p: forward(lambda x, p: F.gelu(dense(x, p, "fc")), (put(d["x"]), put_all(p))),
        "conv": conv,
        "block": lambda s, d, p: forward(lambda x, p: layers(x, p, s), (put(d["x"]), put_all(p))),
        "blockGrad": block_grad,
        "vit": vit,
        "clip": clip,
        "convnet": convnet,
    }
)
