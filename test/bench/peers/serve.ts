import { createInterface } from 'node:readline'
import type { Input, Workload } from './workloads.js'

/**
 * A peer's side of the conversation with run.ts: a JSON object a line, in on stdin, out on stdout.
 * `{ prepare: Workload }` → `{ values, ms }` or `{ unsupported }`; `{ time: minMs }` → `{ ms }` per iteration.
 */
export interface Prepared {
  /** Numbers that every peer must agree on, from a fresh start; each list to the scale of its own numbers. */
  check(): Promise<number[][]>
  /** Does the work n times and returns when all is done. */
  run(n: number): Promise<void>
  dispose(): void
}
export interface HostArray {
  readonly shape: number[]
  readonly values: Float32Array | Int32Array
}
export interface Given {
  readonly sizes: Record<string, any>
  readonly data: Record<string, HostArray>
  readonly params: Record<string, HostArray>
}

/** Answers run.ts until stdin closes. */
export function serve(kinds: Record<string, (given: Given) => Prepared | Promise<Prepared>>): void {
  const answer = process.stdout.write.bind(process.stdout)
  // Libraries print; stdout is for answers.
  console.log = console.info = console.error
  let current: Prepared | undefined
  let ms = 1

  const prepare = async (w: Workload): Promise<object> => {
    current?.dispose()
    current = undefined
    const kind = kinds[w.kind]
    if (!kind) return { unsupported: '' }
    let seed = 0
    const all = (inputs: readonly Input[]): Record<string, HostArray> =>
      Object.fromEntries(inputs.map((x) => [x.name, hostArray(x, seed++)]))
    const made = await kind({ sizes: { ...w.sizes }, data: all(w.data), params: all(w.params) })
    current = made
    const values = await made.check()
    ms = await warmUp((n) => timed(made, n))
    return { values, ms }
  }
  const time = async (minMs: number): Promise<object> => {
    ms = await timed(current!, Math.max(1, Math.round(minMs / ms)))
    return { ms }
  }

  let last: Promise<unknown> = Promise.resolve()
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      last = last.then(async () => {
        const message = JSON.parse(line)
        const reply = await (message.prepare ? prepare(message.prepare) : time(message.time)).catch((error: Error) => {
          console.error(error)
          return { unsupported: String(error.message ?? error).split('\n')[0] }
        })
        answer(`${JSON.stringify(reply)}\n`)
      })
    })
    .on('close', () => process.exit())
}

async function timed(work: Prepared, n: number): Promise<number> {
  const start = performance.now()
  await work.run(n)
  return (performance.now() - start) / n
}

/**
 * Runs for a second at least, and until a batch is no longer 5 % faster than the best before it: compilers have replaced their first
 * code by their best.
 */
async function warmUp(time: (n: number) => Promise<number>): Promise<number> {
  const start = performance.now()
  let best = await time(1)
  while (performance.now() - start < 4000) {
    const ms = await time(Math.max(1, Math.min(1000, Math.round(150 / best))))
    if (performance.now() - start > 1000 && ms > 0.95 * best) break
    best = Math.min(best, ms)
  }
  return best
}

function hostArray({ shape, scale, offset, values }: Input, seed: number): HostArray {
  if (values) return { shape: [...shape], values: Int32Array.from(values) }
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1))
  for (let i = 0; i < out.length; i++) out[i] = hash(i, seed) * scale + offset
  return { shape: [...shape], values: out }
}

/** Uniform in [-1, 1), in steps of 2^-23: the same in every language. */
function hash(i: number, seed: number): number {
  let x = (Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b)) >>> 0
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39)
  return ((x ^ (x >>> 15)) >>> 8) / 2 ** 23 - 1
}

/** What peers compare of an array: its root mean square and elements all over it. */
export function sample(values: ArrayLike<number>): number[] {
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += values[i] ** 2
  const at = Array.from({ length: 64 }, (_, j) => values[Math.floor((j * (values.length - 1)) / 63)])
  return [Math.sqrt(squares / values.length), ...at]
}

/** Any order of axes, as NumPy's transpose. */
export function permuted({ shape, values }: HostArray, axes: readonly number[]): HostArray {
  const to = axes.map((a) => shape[a])
  const strides = axes.map((a) => shape.slice(a + 1).reduce((x, y) => x * y, 1))
  const out = new (values.constructor as Float32ArrayConstructor)(values.length)
  const index = to.map(() => 0)
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = values[from]
    for (let d = to.length - 1; d >= 0; d--) {
      from += strides[d]
      if (++index[d] < to[d]) break
      from -= strides[d] * to[d]
      index[d] = 0
    }
  }
  return { shape: to, values: out }
}
