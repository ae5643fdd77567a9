import type { Dispatch, Program, Target } from '../../compiler/ir/program.js'
import { encodeModule } from '../../compiler/kernel/wasm/binary.js'
import { withRun } from '../../compiler/kernel/wasm/run.js'
import { type Handmade, linear, update } from './kernels.js'

/** Programs over f32[n] written by hand, for any device. */
export type Steps = readonly (readonly [kernel: Handmade, ...buffers: number[]])[]

export function program(
  target: Target,
  n: number,
  steps: Steps,
  parts: Pick<Program, 'buffers' | 'outputs'> & Partial<Program>,
): Program {
  const kernels = [...new Set(steps.map(([kernel]) => kernel))]
  const cpu = target.class === 'cpu'
  const dispatches = steps.map(
    ([kernel, ...buffers]): Dispatch => ({
      kernel: kernels.indexOf(kernel),
      buffers,
      workgroups: [cpu ? n : Math.ceil(n / 64), 1, 1],
      grain: 64,
      scope: 'model/head',
      loc: { file: 'user.ts', line: 7, column: 3 },
      ops: ['mul', 'add'],
    }),
  )
  return {
    name: steps[0]?.[0].name ?? 'nothing',
    kernels: kernels.map((k) => ({ name: k.name, bindings: k.bindings, wgsl: cpu ? '' : wgsl(k, n) })),
    wasm: cpu
      ? encodeModule({ ...withRun(kernels.map((k) => k.wasm)), shared: target.wasm?.shared ?? false })
      : undefined,
    dispatches,
    inputs: parts.buffers.flatMap((b, number) => (b.kind === 'input' ? [number] : [])),
    memory: { peakBytes: 0, tempBytes: 0 },
    ...parts,
  }
}

const wgsl = ({ bindings, wgsl: body }: Handmade, n: number): string => `
${bindings.map((access, i) => `@group(0) @binding(${i}) var<storage, ${access}> b${i}: array<f32>;`).join('\n')}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= ${n}u) { return; }
  ${body}
}
`

/** y = kernel(x), of one kernel from b0 to b1. */
export const pointwise = (target: Target, kernel: Handmade, n: number): Program =>
  program(target, n, [[kernel, 0, 1]], {
    buffers: [
      { kind: 'input', index: 0, bytes: 4 * n },
      { kind: 'output', index: 0, bytes: 4 * n },
    ],
    outputs: [{ shape: [n], dtype: 'f32', buffer: 1, donated: false }],
  })

/** y = 2x */
export const double = (target: Target, n: number): Program => pointwise(target, linear(2, 0), n)

/** Writes its one buffer in place: y = 2y + 1. */
export const inPlace = (target: Target, n: number): Program =>
  program(target, n, [[update, 0]], {
    name: 'step',
    buffers: [{ kind: 'input', index: 0, bytes: 4 * n }],
    outputs: [{ shape: [n], dtype: 'f32', buffer: 0, donated: true }],
  })
