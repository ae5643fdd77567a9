import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { add, gelu, matmul, softmax, type Tensor, tensor } from '../../index.js'
import { layerNorm } from '../../stdlib/nn/index.js'
import { target as softwareTarget } from './target.js'

/** The WGSL of a few small programs. `vitest run test/golden -u` rewrites the fixtures; read the difference. */
const target = { ...softwareTarget, subgroupSize: 4 }
const array = (...shape: number[]): Tensor<any, 'f32'> =>
  tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape) as Tensor<any, 'f32'>
const wgsl = (f: (...args: any[]) => unknown, ...args: unknown[]): string =>
  compile(traceFn(f, args, 'f', true).fn, target)
    .kernels.map((k) => k.wgsl)
    .join('\n')

test('softmax: a short row stays in registers', () =>
  expect(wgsl((x: any) => softmax(x, -1), array(32, 5))).toMatchFileSnapshot('fixtures/kernel-softmax.wgsl'))

test('layerNorm: a long row is read once per stage, four elements at a time', () =>
  expect(
    wgsl((x: any, norm: any) => layerNorm(x, norm, 1e-5), array(32, 84), { weight: array(84), bias: array(84) }),
  ).toMatchFileSnapshot('fixtures/kernel-layernorm.wgsl'))

test('dense layer with gelu: a tile of sums, vector stores after bias and activation', () =>
  expect(
    wgsl((x: any, w: any, b: any) => gelu(add(matmul(x, w), b)), array(3, 8), array(8, 16), array(16)),
  ).toMatchFileSnapshot('fixtures/kernel-dense.wgsl'))
