import * as f from '../../../index.js'
import { layerNorm, rmsNorm } from '../../../stdlib/nn/index.js'
import type { Mistake } from './mistake.js'

const { ones, tensor } = f
const ids = tensor(new Int32Array([0, 1]))

/** Shapes and axes that don't fit. */
export const shapes: readonly Mistake[] = [
  [
    'add, no broadcast',
    () => f.add(ones([2, 4]) as never, ones([3]) as never),
    'add: cannot broadcast [2, 4] with [3]: dim 4 vs 3',
  ],
  [
    'matmul, inner dims',
    () => f.matmul(ones([8, 512]) as never, ones([768, 64]) as never),
    'matmul: inner dims differ: 512 vs 768 in [8, 512] x [768, 64]',
  ],
  [
    'matmul of vectors and scalars',
    () => f.matmul(ones([]) as never, ones([3]) as never),
    'matmul: left operand must have rank >= 2, got []',
  ],
  [
    'matmul, batch dims',
    () => f.matmul(ones([2, 3, 4]) as never, ones([5, 4, 3]) as never),
    'matmul: cannot broadcast batch dims [2] with [5]: dim 2 vs 5',
  ],
  [
    'dotGeneral, sizes',
    () => f.dotGeneral(ones([2, 3]) as never, ones([4, 5]) as never, { lhsContract: [1], rhsContract: [0] } as never),
    'dotGeneral: contracting dims differ: 3 vs 4 in [2, 3] x [4, 5]',
  ],
  [
    'einsum, a size twice',
    () => f.einsum('b i, b j -> i j', ones([2, 3]) as never, ones([4, 5]) as never),
    `einsum 'b i, b j -> i j': axis 'b' is 2 in one operand and 4 in another`,
  ],
  [
    'einsum, bad string',
    () => f.einsum('ij,jk' as never, ones([2, 3]) as never, ones([3, 5]) as never),
    `einsum 'ij,jk': expected '->' and the result's axes`,
  ],
  [
    'einsum, too few operands',
    () => f.einsum('i j, j k -> i k' as never, ones([2, 3]) as never),
    `einsum 'i j, j k -> i k': no operand for 'j k'`,
  ],
  [
    'einsum, unknown result name',
    () => f.einsum('i j -> i z' as never, ones([2, 3]) as never),
    `einsum 'i j -> i z': axis 'z' of the result is in no operand`,
  ],
  [
    'einsum, wrong rank',
    () => f.einsum('i j k -> i' as never, ones([2, 3]) as never),
    `einsum 'i j k -> i': 'i j k' names 3 axes but the operand is [2, 3]`,
  ],
  [
    'reshape, wrong count',
    () => f.reshape(ones([2, 3]) as never, [4] as never),
    'reshape: cannot reshape [2, 3] to [4]: 6 elements vs 4',
  ],
  [
    'reshape, two unknown sizes',
    () => f.reshape(ones([2, 3]) as never, [-1, -1] as never),
    'reshape: more than one -1 in [-1, -1]',
  ],
  [
    'transpose, axis twice',
    () => f.transpose(ones([2, 3]) as never, [0, 0] as never),
    'transpose: axis 0 of [2, 3] is named twice',
  ],
  ['sum, axis out of range', () => f.sum(ones([2, 3]) as never, 2 as never), 'sum: axis 2 is out of range for [2, 3]'],
  ['sum, axis twice', () => f.sum(ones([2, 3]) as never, [0, -2] as never), 'sum: axis -2 of [2, 3] is named twice'],
  [
    'softmax, axis out of range',
    () => f.softmax(ones([2, 3]) as never, 5 as never),
    'softmax: axis 5 is out of range for [2, 3]',
  ],
  [
    'max of nothing',
    () => f.max(ones([0, 3]) as never, 0 as never),
    'max: axis 0 of [0, 3] has nothing to choose from',
  ],
  [
    'concat, other dims differ',
    () => f.concat([ones([2, 4]), ones([2, 5])] as never, 0 as never),
    'concat: [2, 4] and [2, 5] differ in axis 1: 4 vs 5',
  ],
  ['concat of nothing', () => f.concat([] as never, 0 as never), 'concat: expected at least one tensor'],
  [
    'stack of different shapes',
    () => f.stack([ones([2]), ones([3])] as never, 0 as never),
    'stack: shapes differ: [2] and [3]',
  ],
  [
    'slice past the end',
    () => f.slice(ones([4]) as never, [0] as never, [9] as never),
    'slice: 0 to 9 is out of range for axis 0 of [4]',
  ],
  [
    'split, not even',
    () => f.split(ones([5, 2]) as never, 2 as never, 0 as never),
    'split: axis 0 of [5, 2] does not divide into 2 equal parts',
  ],
  [
    'pad, wrong rank',
    () => f.pad(ones([2, 3]) as never, [[1, 1]] as never),
    'pad: expected one [before, after] per axis of [2, 3]',
  ],
  [
    'expandDims, out of range',
    () => f.expandDims(ones([2]) as never, 4 as never),
    'expandDims: axis 4 is out of range for [2, 4]',
  ],
  [
    'squeeze, not of size 1',
    () => f.squeeze(ones([2, 3]) as never, 0 as never),
    'squeeze: axis 0 of [2, 3] is 2, not 1',
  ],
  [
    'broadcastTo, does not fit',
    () => f.broadcastTo(ones([2, 3]) as never, [2, 4] as never),
    'broadcastTo: cannot broadcast [2, 3] to [2, 4]: dim 3 vs 4',
  ],
  [
    'rearrange, size does not divide',
    () => f.rearrange(ones([2, 10]) as never, 'b (h d) -> b h d' as never, { h: 3 } as never),
    `rearrange 'b (h d) -> b h d': dim 10 is not divisible by 3 in (h d)`,
  ],
  [
    'rearrange, a name twice',
    () => f.rearrange(ones([2, 3]) as never, 'b b -> b' as never),
    `rearrange 'b b -> b': axis 'b' is named twice on the left`,
  ],
  [
    'ensureShape, wrong',
    () => f.ensureShape(ones([2, 3]) as never, [2, 4] as never),
    'ensureShape: expected [2, 4], got [2, 3]',
  ],
  [
    'conv, features differ',
    () => f.conv(ones([1, 8, 8, 3]) as never, ones([3, 3, 4, 16]) as never),
    'conv: features differ: 3 vs 4 in [1, 8, 8, 3] x [3, 3, 4, 16]',
  ],
  [
    'conv, kernel larger than picture',
    () => f.conv(ones([1, 2, 2, 3]) as never, ones([3, 3, 3, 16]) as never),
    `conv: spatial dim 0 of [1, 2, 2, 3] is 2 with padding, less than the window's 3`,
  ],
  [
    'maxPool, window larger than picture',
    () => f.maxPool(ones([1, 2, 2, 3]) as never, 4 as never),
    `maxPool: spatial dim 0 of [1, 2, 2, 3] is 2 with padding, less than the window's 4`,
  ],
  [
    'where, shapes',
    () => f.where(tensor([true, false]) as never, ones([3]) as never, 0 as never),
    'where: cannot broadcast [2] with [3]: dim 2 vs 3',
  ],
  ['negative size', () => ones([-1, 2] as never), 'ones: expected a shape of whole sizes, got [-1, 2]'],
  ['size that is no whole number', () => f.zeros([2.5] as never), 'zeros: expected a shape of whole sizes, got [2.5]'],
  [
    'a size that is a tensor',
    () => f.zeros([tensor(3)] as never),
    'zeros: expected a shape of whole sizes, got [Tensor f32[]]',
  ],
  [
    'tensor, wrong count',
    () => tensor([1, 2, 3], [2, 2] as never),
    'tensor: shape [2, 2] has 4 elements, the data has 3',
  ],
  [
    'tensor, ragged rows',
    () => tensor([[1, 2], [3]] as never),
    'tensor: rows differ in length: expected 2 elements at depth 1, got 1',
  ],
  ['arange, nothing to count', () => f.arange(-3 as never), 'arange: expected a shape of whole sizes, got [-3]'],
  ['take from a scalar', () => f.take(ones([]) as never, ids as never), 'take: axis 0 is out of range for []'],
  [
    'layerNorm, weight of another size',
    () => layerNorm(ones([2, 4]) as never, { weight: ones([3]), bias: ones([3]) } as never, 1e-5),
    'layerNorm: expected x [...s, d], weight [d] and bias [d], got [2, 4], [3] and [3]',
  ],
  [
    'layerNorm of a number',
    () => layerNorm(ones([]) as never, { weight: ones([3]), bias: ones([3]) } as never, 1e-5),
    'layerNorm: expected x [...s, d], weight [d] and bias [d], got [], [3] and [3]',
  ],
  [
    'rmsNorm, weight of another size',
    () => rmsNorm(ones([2, 4]) as never, ones([3]) as never, 1e-5),
    'rmsNorm: expected x [...s, d] and weight [d], got [2, 4] and [3]',
  ],
  [
    'scan, a carry that grows',
    () => f.scan(((c: any, x: any) => [f.concat([c, x], 0), x]) as never, ones([8]), ones([5, 8])),
    'scan: carry must stay f32[8], got f32[16]',
  ],
  [
    'scan, a carry of another dtype',
    () => f.scan(((c: any, x: any) => [{ n: x }, c.n]) as never, { n: tensor(0, [], 'i32') }, ones([5])),
    "scan: carry 'n' must stay i32[], got f32[]",
  ],
  [
    'scan, leading dims that differ',
    () => f.scan(((c: any) => [c, c]) as never, ones([]), { a: ones([5]), b: ones([4]) } as never),
    'scan: leading dims of xs differ',
  ],
  [
    'scan, no pair returned',
    () => f.scan(((c: any, x: any) => f.add(c, x)) as never, ones([]), ones([5]) as never),
    'scan: the body must return [carry, y]',
  ],
  [
    'cond, branches of other shapes',
    () => f.cond(tensor(true), (x: any) => f.sin(x), ((x: any) => f.sum(x)) as never, ones([2, 8])),
    'cond: branches differ: f32[2, 8] vs f32[]',
  ],
  [
    'cond, branches of other trees',
    () => f.cond(tensor(true), (x: any) => ({ a: x }), ((x: any) => ({ a: x, b: x })) as never, ones([8])),
    "cond: branches differ in 'b': nothing vs f32[8]",
  ],
  [
    'cond, a predicate that is no bool',
    () => f.cond(f.sum(ones([2])) as never, (x: any) => x, ((x: any) => x) as never, ones([8])),
    'cond: predicate must be a bool scalar, got f32[]',
  ],
  [
    'whileLoop, a carry that shrinks',
    () => f.whileLoop(((x: any) => f.less(f.sum(x), 3)) as never, ((x: any) => f.sum(x)) as never, ones([8])),
    'whileLoop: carry must stay f32[8], got f32[]',
  ],
  [
    'switchCase, branches that differ',
    () => f.switchCase(tensor(0, [], 'i32'), [(x: any) => x, (x: any) => f.sum(x)] as never, ones([8]) as never),
    'switchCase: branches differ: f32[8] vs f32[]',
  ],
]
