import * as f from '../../../index.js'
import { uniform } from '../../../stdlib/random/index.js'
import type { Mistake } from './mistake.js'

const { ones, tensor } = f
const ids = tensor(new Int32Array([0, 1]))

/** dtypes that don't fit, and things that are no tensors. */
export const values: readonly Mistake[] = [
  [
    'add of i32 and u32',
    () => f.add(ids as never, tensor(new Uint32Array([1, 2])) as never),
    'add: i32 and u32 have no common dtype; cast one of them',
  ],
  ['exp of integers', () => f.exp(ids as never), 'exp: expected a float, got i32; cast it first'],
  ['not of floats', () => f.logicalNot(ones([2]) as never), 'logicalNot: expected bool, got f32; cast it first'],
  [
    'bits of floats',
    () => f.bitwiseAnd(ones([2]) as never, ones([2]) as never),
    'bitwiseAnd: expected an integer, got f32; cast it first',
  ],
  [
    'where with a float condition',
    () => f.where(ones([2]) as never, ones([2]) as never, 0 as never),
    'where: expected bool, got f32; cast it first',
  ],
  [
    'take with float ids',
    () => f.take(ones([4, 3]) as never, ones([2]) as never),
    'take: expected i32, got f32; cast it first',
  ],
  [
    'add half to integers',
    () => f.add(ids as never, 0.5 as never),
    'add: 0.5 is not a value of i32; cast the tensor first',
  ],
  [
    'negative number beside u32',
    () => f.add(tensor(new Uint32Array([1])) as never, -1 as never),
    'add: -1 is not a value of u32; cast the tensor first',
  ],
  ['NaN as an integer', () => f.full([2], Number.NaN, 'i32'), 'full: NaN is not a value of i32; cast the tensor first'],
  [
    'NaN beside integers',
    () => f.maximum(ids as never, Number.NaN as never),
    'maximum: NaN is not a value of i32; cast the tensor first',
  ],
  [
    'cast to an unknown dtype',
    () => f.cast(ones([2]) as never, 'float32' as never),
    'cast: expected a dtype (bool, u8, i8, u32, i32, bf16, f16, f32), got "float32"',
  ],
  [
    'tensor, does not fit',
    () => tensor([300, -1], [2], 'u32' as never),
    'tensor: expected whole numbers from 0 to 4294967295 for u32, got -1 at element 1',
  ],
  [
    'tensor of text',
    () => tensor(['1', '2'] as never),
    'tensor: expected numbers, booleans, nested arrays of them or a typed array, got string',
  ],
  [
    'add of an array',
    () => f.add([1, 2] as never, ones([2]) as never),
    'add: expected a tensor, got an array: make a tensor of it with tensor()',
  ],
  ['add of undefined', () => f.add(ones([2]) as never, undefined as never), 'add: expected a tensor, got undefined'],
  ['matmul of a number', () => f.matmul(ones([2, 2]) as never, 3 as never), 'matmul: expected a tensor, got a number'],
  [
    'add of a promise',
    () => f.add(Promise.resolve(ones([2])) as never, 1 as never),
    'add: expected a tensor, got a promise: await it first',
  ],
  ['add of two numbers', () => f.add(1 as never, 2 as never), 'add: expected at least one tensor, got two numbers'],
  [
    'sum of a typed array',
    () => f.sum(new Float32Array(3) as never),
    'sum: expected a tensor, got a Float32Array: make a tensor of it with tensor()',
  ],
  [
    'concat of tensors not in a list',
    () => f.concat(ones([2]) as never, ones([2]) as never),
    'concat: expected a list of tensors, got one tensor',
  ],
  [
    'uniform without a key',
    () => uniform(42 as never, [2]),
    'random: expected a key, made by key(seed), split or foldIn, got a number',
  ],
  ['oneHot of floats', () => f.oneHot(ones([2]) as never, 4 as never), 'oneHot: expected i32, got f32; cast it first'],
]
