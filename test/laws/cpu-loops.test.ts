import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { interpret } from '../../compiler/interpret/interpret.js'
import type { Wide } from '../../compiler/ir/dtype.js'
import type { Program } from '../../compiler/ir/program.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { assertClose, type Tolerance } from '../../stdlib/testing/assert-close.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { cpuTarget } from '../wasm/run-kernel.js'

/**
 * Loops of a CPU at random shapes, against the reference; and the same in another order of the items, which must give the
 * same bits: threads take them as they come.
 */
type Fn = (...xs: AnyTensor[]) => AnyTensor[]
const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const
const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 })
type Kernel = (from: number, to: number, args: number, scratch: number) => void

function run(program: Program, inputs: readonly RefArray[], backwards: boolean): number[][] {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(program.wasm!), { env: { memory } })
  let top = 1024
  const place = (bytes: number): number => {
    const at = top
    top += Math.ceil((bytes + 16) / 64) * 64
    if (top > memory.buffer.byteLength) memory.grow(Math.ceil((top - memory.buffer.byteLength) / 65536))
    return at
  }
  const slots = new Map<number, number>()
  const size = (slot: number): number =>
    Math.max(...program.buffers.map((b) => (b.kind === 'temp' && b.slot === slot ? b.bytes : 0)))
  const at = program.buffers.map((b) => {
    if (b.kind !== 'temp') return place(b.bytes)
    if (!slots.has(b.slot)) slots.set(b.slot, place(size(b.slot)))
    return slots.get(b.slot)!
  })
  const scratch = place(program.scratchBytes ?? 0)
  const args = program.dispatches.map((d) => place(d.buffers.length * 4))
  // What nobody wrote is a NaN.
  new Uint32Array(memory.buffer, 0, top / 4).fill(0x7fc00001)
  program.buffers.forEach((b, i) => {
    if (b.kind !== 'input') return
    const { dtype, data } = inputs[b.index]
    new arrays[dtype as Wide](memory.buffer, at[i], data.length).set(data)
  })
  for (const [i, { kernel, buffers, workgroups }] of program.dispatches.entries()) {
    const [items] = workgroups
    new Uint32Array(memory.buffer, args[i], buffers.length).set(buffers.map((b) => at[b]))
    const f = exports[`k${kernel}`] as Kernel
    if (!backwards) f(0, items, args[i], scratch)
    else for (let item = items - 1; item >= 0; item--) f(item, item + 1, args[i], scratch)
  }
  return program.outputs.map(({ shape, dtype, buffer }) => [
    ...new arrays[dtype as Wide](
      memory.buffer,
      at[buffer],
      shape.reduce((a, b) => a * b, 1),
    ),
  ])
}

async function check(f: Fn, inputs: readonly RefArray[], tolerance: Tolerance, donated: readonly number[] = []) {
  const { fn } = traceFn(
    f,
    inputs.map(({ shape, dtype }, i) => inputTensor({ shape, dtype }, String(i))),
  )
  const program = compile(fn, cpuTarget, { verify: true, donated: new Set(donated) })
  const wanted = interpret(fn, inputs)
  const [got, again] = [false, true].map((backwards) => run(program, inputs, backwards))
  for (const [i, y] of got.entries()) await assertClose(y, wanted[i].data, tolerance)
  expect(again).toEqual(got)
  return program
}

const runs = { numRuns: 50, endOnFailure: true }
const side = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(12, 15, 16, 17, 31, 32, 33, 50, 64, 65, 77))
const long = fc.oneof(side, fc.constantFrom(197, 513, 2048, 5001))
const few = (shape: readonly number[]): boolean => shape.reduce((a, b) => a * b, 1) <= 20_000
const seeds = fc.integer({ min: 1, max: 1e6 })
const draw = (seed: number, ...shapes: (readonly number[])[]): RefArray[] => {
  const random = uniform(seed)
  return shapes.map((shape) => {
    const x = random([...shape], -1, 1)
    return { ...x, data: x.data.map(Math.fround) }
  })
}
const tight = { rtol: 1e-5, atol: 1e-5 }
const shapesOf = (most: number) => fc.array(long, { minLength: 1, maxLength: most }).filter(few)
const axesOf = (shape: readonly number[], mask: number): number[] =>
  shape.map((_, i) => i).filter((i) => (mask >> i) % 2 === 1)

test('pointwise values of whole arrays, of rows and columns repeated, of numbers', async () => {
  await fc.assert(
    fc.asyncProperty(shapesOf(3), fc.integer({ min: 0, max: 7 }), seeds, async (shape, mask, seed) => {
      const dims = axesOf(shape, mask)
      const [x, y, z] = draw(
        seed,
        shape,
        shape,
        dims.map((d) => shape[d]),
      )
      const f = (a: AnyTensor, b: AnyTensor, c: AnyTensor): AnyTensor[] => {
        const sum = p.add(p.mul(a, b), p.broadcastInDim(c, shape, dims))
        return [sum, p.cast(p.gt(sum, p.like(sum, 0)), 'i32'), p.exp(sum), p.lt(a, b)]
      }
      await check(f as Fn, [x, y, z], tight)
    }),
    runs,
  )
})

test('transposed arrays, read and written', async () => {
  const orders = fc.constantFrom([0, 2, 1], [1, 0, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0])
  await fc.assert(
    fc.asyncProperty(side, side, side, orders, seeds, async (a, b, c, order, seed) => {
      const shape = order.map((d) => [a, b, c][d])
      const [x, y] = draw(seed, [a, b, c], shape)
      const f = (u: AnyTensor, v: AnyTensor): AnyTensor[] => {
        const t = p.transpose(u, order)
        return [p.add(t, v), p.reduceSum(p.mul(t, v), [1]), p.reshape(p.transpose(v, [0, 2, 1]), [a * b * c])]
      }
      await check(f as Fn, [x, y], tight)
    }),
    runs,
  )
})

test('views: slices, padding, joins, splits of a dim, counts', async () => {
  await fc.assert(
    fc.asyncProperty(side, side, side, seeds, async (a, b, c, seed) => {
      const f = (x: AnyTensor, y: AnyTensor): AnyTensor[] => {
        const turned = p.transpose(x, [2, 0, 1])
        const rows = p.reshape(turned, [c * a, b])
        const padded = p.pad(rows, p.constant(0.5), [1, 2], [0, 2], [0, seed % 2])
        const cut = p.slice(padded, [1, 2], [c * a + 1, 2 + b])
        const joined = p.concat([p.add(cut, rows), p.broadcastInDim(y, [3, b], [1])], 0)
        const wide = p.concat([joined, p.neg(joined), joined], 1)
        const counted = p.mul(wide, p.iota(wide.aval.shape, 1, 'f32'))
        const strided = p.slice(counted, [0, 0], counted.aval.shape, [1, 2])
        return [wide, counted, strided, p.reduceSum(p.reshape(wide, [(c * a + 3) * 3 * b]), [0])]
      }
      await check(f as Fn, draw(seed, [a, b, c], [b]), { rtol: 1e-4, atol: 1e-3 })
    }),
    runs,
  )
})

test('heads: a width split in parts, halves of each turned, put back', async () => {
  await fc.assert(
    fc.asyncProperty(
      side,
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom(2, 8, 10, 32, 50, 64),
      seeds,
      async (n, heads, d, seed) => {
        const f = (x: AnyTensor, s: AnyTensor): AnyTensor[] => {
          const parts = p.transpose(p.reshape(x, [2, n, heads, d]), [0, 2, 1, 3])
          const [low, high] = [0, d / 2].map((from) => p.slice(parts, [0, 0, 0, from], [2, heads, n, from + d / 2]))
          const turned = p.concat([p.neg(high), low], 3)
          const scaled = p.mul(turned, p.broadcastInDim(s, turned.aval.shape, [1]))
          return [scaled, p.reshape(p.transpose(scaled, [0, 2, 1, 3]), [2, n, heads * d])]
        }
        await check(f as Fn, draw(seed, [2, n, heads * d], [heads]), tight)
      },
    ),
    runs,
  )
})

test('reductions along any axes, alone and between pointwise work of both levels', async () => {
  const kinds = ['sum', 'max', 'softmax', 'normalise', 'sum and max', 'argmax', 'kept twice'] as const
  await fc.assert(
    fc.asyncProperty(
      shapesOf(4),
      fc.integer({ min: 1, max: 15 }),
      fc.constantFrom(...kinds),
      seeds,
      async (shape, mask, what, seed) => {
        const axes = axesOf(shape, mask)
        fc.pre(axes.length > 0)
        const f = (x: AnyTensor): AnyTensor[] => {
          const back = (y: AnyTensor): AnyTensor => p.unreduce(y, shape, axes)
          if (what === 'sum') return [p.reduceSum(p.mul(x, x), axes)]
          if (what === 'max')
            return [p.reduceMax(p.neg(x), axes), p.reduceMin(p.cast(p.mul(x, p.like(x, 100)), 'i32'), axes)]
          if (what === 'sum and max') return [p.reduceSum(x, axes), p.reduceMax(p.mul(x, x), axes), p.neg(x)]
          if (what === 'argmax') return [p.argmax(x, axes[0])]
          if (what === 'kept twice') {
            const e = p.exp(x)
            const t = p.tanh(p.div(e, back(p.reduceSum(e, axes))))
            return [p.mul(p.mul(t, e), back(p.reduceSum(t, axes)))]
          }
          if (what === 'softmax') {
            const e = p.exp(p.sub(x, back(p.reduceMax(x, axes))))
            return [p.div(e, back(p.reduceSum(e, axes)))]
          }
          const centred = p.sub(x, back(p.reduceSum(x, axes)))
          const square = p.reduceSum(p.mul(centred, centred), axes)
          return [p.mul(centred, back(p.rsqrt(p.add(square, p.like(square, 1))))), square]
        }
        await check(f as Fn, draw(seed, shape), {
          rtol: 2e-5,
          atol: 2e-5 * Math.sqrt(shape.reduce((a, b) => a * b, 1)),
        })
      },
    ),
    { ...runs, numRuns: 200 },
  )
})

test('long sums are made of partial sums', async () => {
  for (const [shape, axes] of [
    [[90_001], [0]],
    [[3000, 65], [0]],
    [[20_000, 5], [0]],
    [[3, 70_000], [1]],
    [
      [2, 700, 3, 50],
      [1, 3],
    ],
  ] as const) {
    const [x] = draw(7, shape)
    const f = (v: AnyTensor): AnyTensor[] => [p.reduceSum(p.abs(v), axes), p.reduceMax(v, axes)]
    await check(f as Fn, [x], { rtol: 1e-6, atol: 0 })
  }
})

test('arrays without elements, numbers, many arrays joined', async () => {
  const f = (x: AnyTensor): AnyTensor[] => [p.exp(x), p.reduceSum(x, [0]), p.reduceSum(x, [0, 1])]
  for (const shape of [
    [0, 5],
    [5, 0],
    [1, 1],
  ])
    await check(f as Fn, draw(1, shape), tight)
  const stacked = (...xs: AnyTensor[]): AnyTensor[] => {
    const all = p.concat(
      xs.map((x) => p.reshape(x, [1, 7, 9])),
      0,
    )
    return [all, p.reduceSum(p.mul(all, all), [1, 2])]
  }
  await check(stacked, draw(2, ...Array.from({ length: 12 }, () => [7, 9])), tight)
})

test('rows gathered and summed back, with what follows', async () => {
  await fc.assert(
    fc.asyncProperty(side, side, side, fc.boolean(), seeds, async (rows, n, width, deep, seed) => {
      const [table, updates] = draw(seed, [rows, width], [n, 2, width])
      const ids: RefArray = {
        shape: [n, 2],
        dtype: 'i32',
        data: Float64Array.from({ length: 2 * n }, (_, i) => ((i * 7 + seed) % (rows + 1)) - (i % 11 === 0 ? 1 : 0)),
      }
      const f = (t: AnyTensor, i: AnyTensor, u: AnyTensor): AnyTensor[] => {
        const sum = p.scatterAdd(i, deep ? p.exp(u) : p.transpose(p.transpose(u, [1, 0, 2]), [1, 0, 2]), rows)
        return [
          p.gather(t, p.min(p.max(i, p.like(i, 0)), p.like(i, rows - 1))),
          p.mul(sum, t),
          ...(deep ? [sum, p.transpose(p.tanh(sum), [1, 0])] : []),
        ]
      }
      await check(f as Fn, [table, ids, updates], tight)
    }),
    runs,
  )
})

describe('in place', () => {
  test('an optimiser update overwrites parameters and moments', async () => {
    await fc.assert(
      fc.asyncProperty(long, side, seeds, async (a, b, seed) => {
        // Of fewer elements a kernel doesn't keep what another needs: it is computed twice, and read where it was.
        fc.pre(few([a, b]) && a * b >= 64)
        const [g, x, m, v] = draw(seed, [a, b], [a, b], [a, b], [a, b])
        const f = (g: AnyTensor, x: AnyTensor, m: AnyTensor, v: AnyTensor): AnyTensor[] => {
          const mu = p.add(p.mul(m, p.like(m, 0.9)), p.mul(g, p.like(g, 0.1)))
          const nu = p.add(p.mul(v, p.like(v, 0.9)), p.mul(p.mul(g, g), p.like(g, 0.1)))
          return [p.sub(x, p.div(mu, p.add(p.abs(nu), p.like(nu, 1)))), mu, nu]
        }
        const program = await check(f as Fn, [g, x, m, v], tight, [1, 2, 3])
        expect(program.outputs.map((o) => o.donated)).toEqual([true, true, true])
      }),
      runs,
    )
  })

  test('what is read elsewhere as well is not overwritten', async () => {
    const kinds = ['transposed', 'rows turned', 'shifted', 'normalised', 'columns', 'halves'] as const
    await fc.assert(
      fc.asyncProperty(side, long, fc.constantFrom(...kinds), seeds, async (a, b, what, seed) => {
        const n = what === 'transposed' ? Math.min(a, b) : b
        const shape = what === 'transposed' ? [n, n] : [a, n]
        const f = (x: AnyTensor): AnyTensor[] => {
          if (what === 'transposed') return [p.add(x, p.transpose(x, [1, 0]))]
          if (what === 'rows turned')
            return [p.concat([p.slice(x, [a - 1, 0], [a, n]), p.slice(x, [0, 0], [a - 1, n])], 0)]
          if (what === 'shifted') return [p.sub(x, p.pad(x, p.constant(0), [0, 1], [0, -1], [0, 0]))]
          const axes = what === 'columns' ? [0] : [1]
          if (what === 'halves') {
            const half = Math.floor(n / 2)
            const [low, high] = [p.slice(x, [0, 0], [a, half]), p.slice(x, [0, half], [a, n])]
            return [p.concat([p.neg(high), low], 1)]
          }
          const e = p.exp(x)
          return [p.div(e, p.unreduce(p.reduceSum(e, axes), shape, axes))]
        }
        await check(f as Fn, draw(seed, shape), tight, [0])
      }),
      runs,
    )
  })
})
