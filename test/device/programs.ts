import type { Program } from '../../compiler/ir/program.js'

/** One-kernel programs written by hand: `body` computes element `i` of `y` from `x`. */
export function pointwise(body: string, n: number, parts: Partial<Program> = {}): Program {
  return {
    name: 'pointwise',
    kernels: [{ name: 'pointwise', bindings: ['read', 'read_write'], wgsl: wgsl(body, n) }],
    buffers: [
      { kind: 'input', index: 0, bytes: 4 * n },
      { kind: 'output', index: 0, bytes: 4 * n },
    ],
    dispatches: [dispatch(n, [0, 1])],
    inputs: [0],
    outputs: [{ shape: [n], dtype: 'f32', buffer: 1, donated: false }],
    memory: { peakBytes: 4 * n, tempBytes: 0 },
    ...parts,
  }
}

export const dispatch = (n: number, buffers: readonly number[]): Program['dispatches'][number] => ({
  kernel: 0,
  buffers,
  workgroups: [Math.ceil(n / 64), 1, 1],
  scope: 'model/head',
  loc: { file: 'user.ts', line: 7, column: 3 },
  ops: ['mul', 'add'],
})

const wgsl = (body: string, n: number): string => `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= ${n}u) { return; }
  y[i] = ${body};
}
`

/** Writes its one buffer in place: y = 2y + 1. */
export const inPlace = (n: number): Program => ({
  name: 'step',
  kernels: [
    {
      name: 'update',
      bindings: ['read_write'],

      wgsl: `
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < ${n}u) { y[id.x] = 2.0 * y[id.x] + 1.0; }
}`,
    },
  ],
  buffers: [{ kind: 'input', index: 0, bytes: 4 * n }],
  dispatches: [dispatch(n, [0])],
  inputs: [0],
  outputs: [{ shape: [n], dtype: 'f32', buffer: 0, donated: true }],
  memory: { peakBytes: 0, tempBytes: 0 },
})
