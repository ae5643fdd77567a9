import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { passes } from '../../compiler/compile.js'
import { interpret } from '../../compiler/interpret/interpret.js'
import type { Fn, Var } from '../../compiler/ir/types.js'
import { lowerCpuMatmul } from '../../compiler/kernel/cpu/matmul.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { kindOf } from '../../compiler/pass/graph.js'
import { type Group, type Grouping, group, inMemoryFor, members } from '../../compiler/pass/group.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { assertClose } from '../../stdlib/testing/assert-close.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { cpuTarget, runKernel } from '../wasm/run-kernel.js'

/** Products' kernels for the CPU, run on what the interpreter has in memory for them, and held against what it has after. */
function check(
  f: (...xs: AnyTensor[]) => AnyTensor[],
  shapes: readonly (readonly number[])[],
  seed = 1,
): Promise<void> {
  return checkKernels(f, shapes, seed, (grouping) => grouping)
}

async function checkKernels(
  f: (...xs: AnyTensor[]) => AnyTensor[],
  shapes: readonly (readonly number[])[],
  seed: number,
  regroup: (grouping: Grouping) => Grouping,
): Promise<void> {
  const traced = traceFn(
    f,
    shapes.map((shape, i) => inputTensor({ shape, dtype: 'f32' }, String(i))),
  ).fn
  const fn = passes.reduce((x, [, pass]) => pass(x), traced)
  const grouping = regroup(group(fn, cpuTarget))
  const random = uniform(seed)
  const inputs = shapes.map((shape) => {
    const x = random(shape, -1, 1)
    return { ...x, data: x.data.map(Math.fround) }
  })
  const values = valuesOf(fn, inputs)
  const products = grouping.groups.filter(isProduct)
  expect(products.length).toBeGreaterThan(0)
  for (const g of products) {
    const { kernel, buffers } = lowerCpuMatmul(grouping, g, cpuTarget)
    const data = buffers.map((v, i) =>
      kernel.buffers[i].access === 'read'
        ? [...values.get(v)!.data]
        : new Array(kernel.buffers[i].size).fill(Number.NaN),
    )
    const results = runKernel(kernel, data)
    const written = buffers.filter((_, i) => kernel.buffers[i].access === 'read_write')
    expect(new Set(written)).toEqual(new Set(members(g).filter((v) => grouping.stored.has(v))))
    for (const [i, v] of buffers.entries())
      if (written.includes(v))
        await assertClose(results[i], values.get(v)!.data, { atol: 1e-5 * Math.sqrt(stepsOf(g)), rtol: 1e-4 })
  }
}
const isProduct = (g: Group): boolean => g.kind === 'own' && kindOf(g.anchors[0]) === 'dot'
const stepsOf = (g: Group): number => {
  const [{ inputs, params }] = g.anchors
  return (params.lhsContract as number[]).reduce((n, d) => n * inputs[0].aval.shape[d], 1)
}

/** Every value of a function. */
function valuesOf(fn: Fn, inputs: readonly RefArray[]): Map<Var, RefArray> {
  const all = [...fn.inputs, ...fn.eqns.flatMap((q) => q.outputs)]
  const results = interpret({ ...fn, outputs: all }, inputs)
  // What is stored is rounded.
  return new Map(all.map((v, i) => [v, { ...results[i], data: results[i].data.map(Math.fround) }]))
}

/** The same groups, with what products read computed in their kernels as far as it can be. */
function withPrologues(grouping: Grouping): Grouping {
  const { graph, groups } = grouping
  const products = groups.filter(isProduct)
  const gone = groups.filter(
    (g) =>
      g.kind === 'loops' &&
      g.anchors.length === 0 &&
      members(g).every(
        (v) =>
          !graph.isOutput(v) && products.some((q) => inMemoryFor(grouping, q)(v)) && readOnlyBy(grouping, v, products),
      ),
  )
  const lost = new Set(gone.flatMap(members))
  return {
    graph,
    groups: groups.filter((g) => !gone.includes(g)),
    owner: new Map([...grouping.owner].filter(([v]) => !lost.has(v))),
    stored: new Set([...grouping.stored].filter((v) => !lost.has(v))),
  }
}
/** All that is made of `v`, through views, is products' operands. */
function readOnlyBy({ graph }: Grouping, v: Var, products: readonly Group[]): boolean {
  const uses = graph.uses.get(v) ?? []
  return uses.every(
    (use) =>
      products.some((g) => g.anchors[0] === use) ||
      (use.outputs.every((y) => !graph.isOutput(y)) &&
        use.outputs.every((y) => readOnlyBy({ graph } as Grouping, y, products))),
  )
}

const side = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(24, 31, 32, 33, 47, 48, 63, 64, 65, 70))
const seeds = fc.integer({ min: 1, max: 1e6 })
const runs = { numRuns: 80, endOnFailure: true }

const tails: Record<string, (z: AnyTensor, bias: AnyTensor, residual: AnyTensor) => AnyTensor[]> = {
  none: (z) => [z],
  'bias and gelu': (z, bias) => {
    const y = p.add(z, p.broadcastInDim(bias, z.aval.shape, [z.aval.shape.length - 1]))
    return [p.mul(y, p.logistic(p.mul(y, p.like(y, 1.702))))]
  },
  residual: (z, _bias, residual) => [p.add(residual, z)],
  transposed: (z) => {
    const d = z.aval.shape.length - 2
    return [p.transpose(p.mul(z, z), [...Array.from({ length: d }, (_, i) => i), d + 1, d])]
  },
  'two results': (z, _bias, residual) => [z, p.exp(p.neg(p.mul(z, z))), p.gt(z, residual)],
  rows: (z) => {
    const { shape } = z.aval
    const d = shape.length - 2
    const row = p.iota([shape[d]], 0, 'f32')
    return [p.mul(z, p.broadcastInDim(row, shape, [d]))]
  },
}
const layout = (kind: string, batch: number[], m: number, n: number, k: number): [number[], number[], p.DotDims] => {
  const d = batch.length
  const dims = batch.map((_, i) => i)
  return [
    [...batch, ...(kind[0] === 'T' ? [k, m] : [m, k])],
    [...batch, ...(kind[1] === 'T' ? [n, k] : [k, n])],
    {
      lhsBatch: dims,
      rhsBatch: dims,
      lhsContract: [kind[0] === 'T' ? d : d + 1],
      rhsContract: [kind[1] === 'T' ? d + 1 : d],
    },
  ]
}

test('any layout and size, batched or not, with what follows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 4 }),
      side,
      side,
      side,
      fc.constantFrom('NN', 'NT', 'TN', 'TT'),
      fc.constantFrom(...Object.keys(tails)),
      seeds,
      async (b, m, n, k, kind, tail, seed) => {
        const batch = b ? [b] : []
        const [x, y, dims] = layout(kind, batch, m, n, k)
        await check((u, v, c, r) => tails[tail](p.dotGeneral(u, v, dims), c, r), [x, y, [n], [...batch, m, n]], seed)
      },
    ),
    runs,
  )
})

test('sums of many steps, in blocks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(1, 3, 4, 9, 16, 1030),
      fc.integer({ min: 500, max: 2300 }),
      fc.constantFrom('NN', 'NT', 'TN', 'TT'),
      seeds,
      async (m, n, k, kind, seed) => {
        const steps = n > 1000 ? Math.ceil(k / 40) : k
        const [x, y, dims] = layout(kind, [], m, n, steps)
        await check((u, v) => [p.dotGeneral(u, v, dims)], [x, y], seed)
      },
    ),
    { numRuns: 25, endOnFailure: true },
  )
})

test('dims in any order, several of each kind, through views', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 0, maxLength: 2 })
  await fc.assert(
    fc.asyncProperty(
      sizes,
      sizes,
      sizes,
      sizes,
      fc.infiniteStream(fc.integer({ min: 0, max: 1000 })),
      seeds,
      async (batch, free, other, contract, order, seed) => {
        const shuffled = (n: number): number[] => {
          const keys = Array.from({ length: n }, () => order.next().value as number)
          return keys.map((_, i) => i).sort((a, b) => keys[a] - keys[b])
        }
        const operand = (mine: number[]): { shape: number[]; batch: number[]; contract: number[] } => {
          const sizes = [...batch, ...mine, ...contract]
          const at = shuffled(sizes.length)
          const shape: number[] = []
          at.forEach((d, i) => {
            shape[d] = sizes[i]
          })
          return { shape, batch: at.slice(0, batch.length), contract: at.slice(batch.length + mine.length) }
        }
        const [x, y] = [operand(free), operand(other)]
        const dims = { lhsBatch: x.batch, rhsBatch: y.batch, lhsContract: x.contract, rhsContract: y.contract }
        const turn = shuffled(x.shape.length)
        // The left operand comes from a transposed array.
        const from = turn.map((d) => x.shape[d])
        const back = turn.map((_, i) => turn.indexOf(i))
        await check((u, v) => [p.dotGeneral(p.transpose(u, back), v, dims)], [from, y.shape], seed)
      },
    ),
    runs,
  )
})

test('operands computed where they are copied', async () => {
  const gelu = (x: AnyTensor): AnyTensor => p.mul(x, p.logistic(x))
  const heads: Record<string, (x: AnyTensor) => AnyTensor> = {
    gelu,
    padded: (x) =>
      p.pad(
        gelu(x),
        p.constant(0),
        x.aval.shape.map(() => 1),
        x.aval.shape.map(() => 2),
      ),
    turned: (x) => p.transpose(gelu(x), [1, 0]),
    folded: (x) =>
      p.reshape(p.transpose(gelu(p.reshape(x, [x.aval.shape[0], 1, x.aval.shape[1]])), [0, 2, 1]), x.aval.shape),
  }
  await fc.assert(
    fc.asyncProperty(
      side,
      side,
      side,
      fc.constantFrom(...Object.keys(heads)),
      fc.constantFrom(...Object.keys(heads)),
      fc.constantFrom('NN', 'NT', 'TN', 'TT'),
      seeds,
      async (a, b, k, left, right, kind, seed) => {
        const f = (u: AnyTensor, v: AnyTensor): AnyTensor[] => {
          const [x, y] = [heads[left](u), heads[right](v)]
          const [, , dims] = layout(kind, [], a, b, k)
          const steps = Math.min(x.aval.shape[dims.lhsContract[0]], y.aval.shape[dims.rhsContract[0]])
          const cut = (t: AnyTensor, d: number): AnyTensor =>
            p.slice(
              t,
              [0, 0],
              t.aval.shape.map((n, i) => (i === d ? steps : n)),
            )
          return [p.dotGeneral(cut(x, dims.lhsContract[0]), cut(y, dims.rhsContract[0]), dims)]
        }
        const [x, y] = layout(kind, [], a, b, k)
        await checkKernels(f, [x, y], seed, withPrologues)
      },
    ),
    runs,
  )
})
