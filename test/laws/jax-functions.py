"""Writes jax-functions.json: what JAX (0.10, CPU) gives for functions at edge inputs. Run: python jax-functions.py > jax-functions.json"""
import json, math
import numpy as np, jax, jax.numpy as jnp
from jax import lax
from jax.scipy import special as sp

inf, nan = math.inf, math.nan
edge = np.float32([0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-6, -1e-6, 7.25, -7.75, 30, -30, 100, -100, 1e30, -1e30, 3e38, inf, -inf, nan])
unit = np.float32([0, -0.0, 1, -1, 0.5, -0.999999, 1e-6, 0.999999, 1.5, -2, inf, -inf, nan])
pairs = [(a, b) for a in edge for b in edge]
left, right = np.float32([p[0] for p in pairs]), np.float32([p[1] for p in pairs])
ints = np.int32([0, 1, -1, 7, -7, 2**31 - 1, -2**31, 12345])
words = np.uint32([0, 1, 2**31, 2**32 - 1, 0xF0F00])
ipairs = [(a, b) for a in ints for b in ints if b != 0 and not (a == -2**31 and b == -1)]
il, ir = np.int32([p[0] for p in ipairs]), np.int32([p[1] for p in ipairs])
f = lambda *s: (np.arange(int(np.prod(s)), dtype=np.float32).reshape(s) * 1.5 - 4)
shapes = [(), (1,), (0,), (2, 0, 3), (1, 4), (2, 1, 3), (1, 2, 1, 2), (2, 1, 1, 2, 1), (1, 2, 1, 2, 1, 2)]

cases = []
def put(x):
    x = np.asarray(x)
    dtype = {'float32': 'f32', 'int32': 'i32', 'uint32': 'u32', 'bool': 'bool'}[x.dtype.name]
    text = lambda v: v if math.isfinite(v) and not (v == 0 and math.copysign(1, v) < 0) else '-0' if v == 0 else str(v)
    return dict(shape=list(x.shape), dtype=dtype, data=[text(float(v)) for v in x.ravel()])
def case(name, fn, *inputs):
    out = fn(*inputs)
    cases.append(dict(name=name, inputs=[put(x) for x in inputs], outputs=[put(y) for y in (out if isinstance(out, (list, tuple)) else [out])]))

for name, fn in dict(ceil=jnp.ceil, round=jnp.round, trunc=jnp.trunc, floor=jnp.floor, tan=jnp.tan, atan=jnp.arctan, sinh=jnp.sinh, cosh=jnp.cosh,
    tanh=jnp.tanh, asinh=jnp.arcsinh, acosh=jnp.arccosh, log1p=jnp.log1p, expm1=jnp.expm1, log2=jnp.log2, log10=jnp.log10, exp2=jnp.exp2, cbrt=jnp.cbrt,
    reciprocal=jnp.reciprocal, isNaN=jnp.isnan, isInf=jnp.isinf, isFinite=jnp.isfinite, signbit=jnp.signbit, nanToNum=jnp.nan_to_num, erfc=sp.erfc,
    logGamma=sp.gammaln, digamma=sp.digamma, relu6=jax.nn.relu6, softplus=jax.nn.softplus, elu=jax.nn.elu, selu=jax.nn.selu, leakyRelu=jax.nn.leaky_relu,
    hardSigmoid=jax.nn.hard_sigmoid, hardSwish=jax.nn.hard_swish, logSigmoid=jax.nn.log_sigmoid, softSign=jax.nn.soft_sign, sign=jnp.sign,
    geluTanh=lambda x: jax.nn.gelu(x, approximate=True)).items(): case(name, fn, edge)
for name, fn in dict(asin=jnp.arcsin, acos=jnp.arccos, atanh=jnp.arctanh, erfInv=sp.erfinv).items(): case(name, fn, unit)
for name, fn in dict(atan2=jnp.arctan2, hypot=jnp.hypot, logAddExp=jnp.logaddexp, copysign=jnp.copysign, maximum=jnp.maximum, minimum=jnp.minimum,
    isClose=jnp.isclose).items(): case(name, fn, left, right)
small = (np.abs(left) < 1000) & (np.abs(right) < 1000)
for name, fn in dict(mod=jnp.mod, fmod=jnp.fmod, floorDivide=jnp.floor_divide).items():
    case(name, fn, left[small], right[small]); case(name, fn, il, ir)
for name, fn in dict(bitwiseNot=jnp.bitwise_not, popcount=lax.population_count, clz=lax.clz).items(): case(name, fn, ints); case(name, fn, words)

holes = np.float32([[1, nan, 3, 3], [-inf, 2, inf, inf], [nan, nan, nan, nan], [0, -0.0, 5, 5]])
for name, fn in dict(max=jnp.max, min=jnp.min, argmax=jnp.argmax, argmin=jnp.argmin, ptp=jnp.ptp, nanSum=jnp.nansum, nanMean=jnp.nanmean, nanMax=jnp.nanmax,
    nanMin=jnp.nanmin, countNonzero=jnp.count_nonzero, std=jnp.std).items(): case(name, lambda x: fn(x, axis=-1), holes)
for name, fn in dict(any=jnp.any, all=jnp.all).items():
    for s in shapes[1:]: case(name, lambda x: fn(x, axis=-1), f(*s) > 0)
for s in shapes:
    x = f(*s)
    case('sum', jnp.sum, x); case('prod', jnp.prod, x); case('mean', jnp.mean, x); case('norm', lambda v: jnp.sqrt(jnp.sum(v * v)), x)
    case('flip', jnp.flip, x); case('roll', lambda v: jnp.roll(v, 2), x); case('tile', lambda v: jnp.tile(v, (2, 3)), x)
    case('repeat', lambda v: jnp.repeat(v, 3), x); case('atLeast2d', jnp.atleast_2d, x); case('atLeast3d', jnp.atleast_3d, x)
    case('vstack', lambda v: jnp.vstack([v, v]), x); case('hstack', lambda v: jnp.hstack([v, v]), x); case('outer', jnp.outer, x, f(3))
    case('kron', jnp.kron, x, f(1, 2)); case('expm1 of a shape', jnp.expm1, x)
    if s: case('swapaxes', lambda v: jnp.swapaxes(v, 0, -1), x); case('moveaxis', lambda v: jnp.moveaxis(v, -1, 0), x)
    if s: case('softmax', lambda v: jax.nn.softmax(v, axis=-1), x); case('repeat along', lambda v: jnp.repeat(v, 2, axis=0), x)
    if len(s) > 1: case('tril', jnp.tril, x); case('triu', lambda v: jnp.triu(v, 1), x); case('diagonal', jnp.diagonal, x); case('trace', jnp.trace, x)
    if s and 0 not in s:
        for mode in ('edge', 'reflect', 'symmetric', 'wrap'): case('pad ' + mode, lambda v: jnp.pad(v, [(3, 2)] * v.ndim if v.ndim < 3 else [(1, 0)] * v.ndim, mode=mode), x)
case('dot', jnp.dot, f(2, 3), f(3, 2)); case('inner', jnp.inner, f(2, 3), f(4, 3)); case('vdot', jnp.vdot, f(2, 3), f(6))
case('tensordot', jnp.tensordot, f(2, 3, 4), f(3, 4, 5)); case('diag', jnp.diag, f(3)); case('diag', jnp.diag, f(2, 3))
case('linspace', lambda: jnp.linspace(-1, 2, 7)); case('logspace', lambda: jnp.logspace(-2, 3, 6)); case('arange', lambda: jnp.arange(2, -5, -3))
case('meshgrid', lambda a, b: jnp.meshgrid(a, b), f(2), f(3)); case('indices', lambda: jnp.indices((2, 3)))
mask = np.bool_([[1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
case('softmax where', lambda x, m: jax.nn.softmax(x, axis=-1, where=m), f(4, 4), mask)
case('logSumExp b', lambda x, b: sp.logsumexp(x, axis=-1, b=b), f(4, 4), np.float32([1, 0, 2, 0.5]))
case('variance', lambda x: jnp.var(x, axis=0, ddof=1), f(4, 4)); case('average', lambda x, w: jnp.average(x, axis=1, weights=w), f(4, 4), np.float32([1, 2, 3, 4]))
print(json.dumps(cases))
