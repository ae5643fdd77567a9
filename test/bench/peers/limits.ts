import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { encodeModule, memarg, op, sleb, uleb, type WasmFunction } from '../../../compiler/kernel/wasm/binary.js'
import { type Prepared, serve } from './serve.js'
import { peakFlops } from './table.js'

/**
 * What WebAssembly reaches on this machine, as a peer of run.ts: multiply-adds on registers alone ('peak' with relaxed SIMD's fused
 * one, 'plain' without), and a copy loop over as many bytes as a workload reads and writes. Every thread has its own share.
 */
setFlagsFromString('--experimental-wasm-relaxed-simd')
setFlagsFromString('--no-liftoff')
const threads = Number(process.env.PEER_THREADS ?? 2)

type Code = readonly number[]
const simd = (n: number): Code => [0xfd, ...uleb(n)]
const [splat, add, mul, madd] = [0x13, 0xe4, 0xe6, 0x105].map(simd)
const get = (local: number): Code => [...op.localGet, ...uleb(local)]
const set = (local: number): Code => [...op.localSet, ...uleb(local)]
const i32 = (n: number): Code => [...op.i32Const, ...sleb(n)]
const [iadd, isub] = [[0x6a], [0x6b]]

/** (from, to, bytes, count): what a thread does, `count` times. */
const [FROM, TO, BYTES, COUNT, AT] = [0, 1, 2, 3, 4]
const times = (body: Code, local: number, step: number): Code =>
  [op.loop, body, get(local), i32(step), isub, op.localTee, uleb(local), op.brIf, uleb(0), op.end].flat()

/** Chains of dependent multiply-adds that converge to 1: twelve cover a latency of four cycles at three a cycle. */
const chains = 12
const unroll = 4
function multiplyAdds(fused: boolean): WasmFunction {
  const [half, first] = [AT + 1, AT + 2]
  const one = (chain: number): Code =>
    fused
      ? [get(chain), get(half), get(half), madd, set(chain)].flat()
      : [get(chain), get(half), mul, get(half), add, set(chain)].flat()
  const all = Array.from({ length: chains }, (_, i) => first + i)
  const body = Array.from({ length: unroll }, () => all.flatMap(one)).flat()
  const sum = all.flatMap((chain, i) => (i ? [...get(chain), ...add] : get(chain)))
  return {
    params: ['i32', 'i32', 'i32', 'i32'],
    results: [],
    locals: ['i32', 'v128', ...all.map(() => 'v128' as const)],
    code: [
      [...op.f32Const, 0, 0, 0, 0x3f, ...splat, ...set(half)],
      times(body, COUNT, 1),
      [...get(TO), ...sum, ...op.v128Store, ...memarg(0, 0)],
    ].flat(),
  }
}

const vectors = 8
function copyLoop(): WasmFunction {
  const [from, to] = [AT + 1, AT + 2]
  const one = (i: number): Code =>
    [get(to), get(from), op.v128Load, memarg(0, 16 * i), op.v128Store, memarg(0, 16 * i)].flat()
  const forward = (pointer: number): Code => [get(pointer), i32(16 * vectors), iadd, set(pointer)].flat()
  const body = [...Array.from({ length: vectors }, (_, i) => one(i)).flat(), ...forward(from), ...forward(to)]
  const start = [get(FROM), set(from), get(TO), set(to), get(BYTES), set(AT)].flat()
  return {
    params: ['i32', 'i32', 'i32', 'i32'],
    results: [],
    locals: ['i32', 'i32', 'i32'],
    code: times([...start, ...times(body, AT, 16 * vectors)], COUNT, 1),
  }
}

const source = `
  const { workerData: { module, memory, thread } } = require('node:worker_threads')
  const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports
  const control = new Int32Array(memory.buffer)
  for (let turn = 0; ; turn++) {
    Atomics.wait(control, 0, turn)
    if (control[2] < 0) break
    run(...control.slice(4 + 4 * thread, 8 + 4 * thread))
    Atomics.add(control, 1, 1)
    Atomics.notify(control, 1)
  }`

/** Bytes of a thread, in whole turns of the loop; n turns of the outer loop are n units of work. */
function onThreads(f: WasmFunction, bytes: number, turns: number): Prepared {
  const module = new WebAssembly.Module(encodeModule({ functions: [f], exports: { run: 0 }, shared: true }))
  const own = Math.ceil(bytes / threads / 128) * 128
  const first = 4096
  const pages = Math.ceil((first + 2 * threads * own) / 65536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true })
  const control = new Int32Array(memory.buffer)
  for (let thread = 0; thread < threads; thread++)
    new Worker(source, { eval: true, workerData: { module, memory, thread } }).unref()
  const start = (count: number): void => {
    for (let i = 0; i < threads; i++)
      control.set([first + 2 * i * own, first + (2 * i + 1) * own, own, count], 4 + 4 * i)
    Atomics.store(control, 1, 0)
    Atomics.add(control, 0, 1)
    Atomics.notify(control, 0)
  }
  return {
    check: async () => [],
    async run(n) {
      start(n * turns)
      for (let done = 0; done < threads; done = Atomics.load(control, 1)) Atomics.wait(control, 1, done)
    },
    dispose() {
      control[2] = -1
      start(0)
    },
  }
}

const turns = Math.round(peakFlops / (threads * 8 * chains * unroll))

serve({
  peak: () => onThreads(multiplyAdds(true), 128, turns),
  plain: () => onThreads(multiplyAdds(false), 128, turns),
  copy: ({ sizes }) => onThreads(copyLoop(), sizes.bytes / 2, 1),
})
