import { compile } from '../../compiler/compile.js'
import type { Program } from '../../compiler/ir/program.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { hostArray } from '../../runtime/array.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { type Executable, load } from '../../runtime/executable.js'

/**
 * What an adapter reaches with kernels written by hand, multiply-adds on registers and copies, and what Fovea's kernels reach of
 * that: `FOVEA_DEVICE=swiftshader npx tsx test/bench/adapter.ts [rounds]`. All are measured in turn, round after round, and each time is the
 * least; on a software adapter it is CPU time over two cores.
 */
const rounds = Number(process.argv[2] ?? 8)
const device = await getDevice()
const software = device.target.class === 'software'

interface Entry {
  readonly name: string
  readonly program: Program
  readonly shapes: readonly (readonly number[])[]
  /** Operations, or bytes, of one dispatch, and the entry that bounds it. */
  readonly amount: number
  readonly unit: 'GFLOP/s' | 'GB/s'
  readonly limit?: string
}

const product = (n: number): Entry => ({
  ...fovea(
    `product ${n}³`,
    [
      [n, n],
      [n, n],
    ],
    (x, y) => p.dotGeneral(x, y, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] }),
  ),
  amount: 2 * n ** 3,
  unit: 'GFLOP/s',
  limit: 'multiply-adds',
})
const memory = (name: string, shape: readonly number[], f: (x: AnyTensor) => AnyTensor, bytes: number): Entry => ({
  ...fovea(name, [shape], f),
  amount: bytes,
  unit: 'GB/s',
  limit: 'copy',
})
function fovea(
  name: string,
  shapes: Entry['shapes'],
  f: (...xs: AnyTensor[]) => AnyTensor,
): Pick<Entry, 'name' | 'program' | 'shapes'> {
  const inputs = shapes.map((shape, i) => inputTensor({ shape, dtype: 'f32' }, String(i)))
  const { fn } = traceFn((...xs: AnyTensor[]) => [f(...xs)], inputs, name)
  return { name, shapes, program: compile(fn, device.target) }
}

/** Fours of chains, which converge to 1: what SwiftShader keeps in registers, and enough for a GPU's latency with many invocations. */
const [chains, unroll, turns, invocations] = [4, 16, 512, 2048]
const names = Array.from({ length: chains }, (_, i) => `x${i}`)
const multiplyAdds = byHand(
  'multiply-adds',
  `fn main(@builtin(global_invocation_id) id: vec3u) {
  let half = 0.5 + 0.0 * a[id.x];
  ${names.map((x) => `var ${x} = half;`).join(' ')}
  for (var i = 0u; i < ${turns}u; i++) {
    ${Array.from({ length: unroll }, () => names.map((x) => `${x} = fma(${x}, half, half);`).join(' ')).join('\n    ')}
  }
  b[id.x] = ${names.join(' + ')};
}`,
  invocations,
  { amount: invocations * turns * unroll * chains * 4 * 2, unit: 'GFLOP/s' },
)
const fours = 2 ** 18
const copy = byHand('copy', 'fn main(@builtin(global_invocation_id) id: vec3u) { b[id.x] = a[id.x]; }', fours, {
  amount: 32 * fours,
  unit: 'GB/s',
})

/** A program of one kernel from fours in `a` to fours in `b`: that of a function of one argument, with another text. */
function byHand(name: string, main: string, count: number, what: Pick<Entry, 'amount' | 'unit'>): Entry {
  const entry = fovea(name, [[4 * count]], (x) => p.neg(x))
  const [kernel] = entry.program.kernels
  const buffers = kernel.bindings.map(
    (access, i) => `@group(0) @binding(${i}) var<storage, ${access}> ${access === 'read' ? 'a' : 'b'}: array<vec4f>;`,
  )
  const wgsl = [...buffers, '@compute @workgroup_size(64)', main, ''].join('\n')
  const [dispatch] = entry.program.dispatches
  const program: Program = {
    ...entry.program,
    kernels: [{ ...kernel, name, wgsl }],
    dispatches: [{ ...dispatch, workgroups: [count / 64, 1, 1] }],
  }
  return { ...entry, ...what, program }
}

const million = 2 ** 20
const entries: readonly Entry[] = [
  multiplyAdds,
  copy,
  product(256),
  product(512),
  product(1024),
  memory('a · 2, 1 M', [million], (x) => p.mul(x, p.like(x, 2)), 8 * million),
  memory('sums of 1024 rows of 1024', [1024, 1024], (x) => p.reduceSum(x, [1]), 4 * million),
  memory('sums of 1024 columns of 1024', [1024, 1024], (x) => p.reduceSum(x, [0]), 4 * million),
  memory('transpose 1024²', [1024, 1024], (x) => p.transpose(x, [1, 0]), 8 * million),
  memory('softmax 256×1024', [256, 1024], (x) => p.softmax(x, 1), 2 * million),
]

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const inputsOf = ({ shapes }: Entry): ReturnType<typeof hostArray>[] =>
  shapes.map((shape) => {
    const size = shape.reduce((a, b) => a * b, 1)
    return hostArray(
      Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
      shape,
      'f32',
    )
  })
async function time(executable: Executable, entry: Entry): Promise<number> {
  const inputs = inputsOf(entry)
  await executable.run(inputs)
  await device.finished()
  const [cpu, wall] = [cpuMs(), performance.now()]
  await executable.run(inputs)
  await device.finished()
  return software ? (cpuMs() - cpu) / 2 : performance.now() - wall
}

/** Each with as many dispatches in a call as take some 50 ms. */
const ready: { entry: Entry; executable: Executable; repeats: number; best: number }[] = []
for (const entry of entries) {
  const once = await load(device, entry.program)
  const repeats = Math.max(1, Math.min(200, Math.round(50 / (await time(once, entry)))))
  once.dispose()
  const dispatches = Array.from({ length: repeats }, () => entry.program.dispatches).flat()
  const executable = await load(device, { ...entry.program, dispatches })
  ready.push({ entry, executable, repeats, best: Number.POSITIVE_INFINITY })
}
for (let round = 0; round < rounds; round++)
  for (const r of ready) r.best = Math.min(r.best, (await time(r.executable, r.entry)) / r.repeats)

console.log(`${device.info.kind} ${device.info.description}, least of ${rounds} rounds`)
const speed = (name: string): number => {
  const { entry, best } = ready.find((r) => r.entry.name === name)!
  return entry.amount / best / 1e6
}
for (const { entry, best } of ready) {
  const share = entry.limit ? `${((100 * speed(entry.name)) / speed(entry.limit)).toFixed(0)} % of ${entry.limit}` : ''
  console.log(
    `${entry.name.padEnd(30)} ${best.toFixed(2).padStart(8)} ms ${speed(entry.name).toFixed(2).padStart(7)} ${entry.unit}  ${share}`,
  )
}
await destroyDevice()
