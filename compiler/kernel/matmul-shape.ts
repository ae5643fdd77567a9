import type { Target } from '../ir/program.js'

/** The sizes of a product, and how its right operand lies: `alongK` when neighbours along K are neighbours in memory. */
export interface ProductSizes {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly batch: number
  readonly alongK: boolean
}

/** Parameters of a product's kernel on an adapter: each invocation keeps `rows` × `columns` sums in registers. */
export interface MatmulShape {
  readonly rows: number
  readonly columns: number
  /** Invocations of a workgroup along N and along M. */
  readonly across: number
  readonly down: number
  /** Invocations that share a tile: each takes every `split`-th step along K, and their sums are added in workgroup memory. */
  readonly split: number
  /** Values of K in a step of the loop. */
  readonly unroll: 1 | 4
  /** Each lane of a subgroup loads a row of A and broadcasts it, where it pays: 0 or the subgroup's size. */
  readonly subgroup: number
}

/** The parameters that were measured to be best for these sizes, where they fit, or the rule's. */
export function matmulShape(sizes: ProductSizes, target: Target): MatmulShape {
  const measured = target.tuned?.[productKey(sizes)]
  const shapes = measured ? matmulShapes(sizes, target) : [ruleShape(sizes, target)]
  return shapes.find((x) => isSame(x, measured)) ?? shapes[0]
}

/** The name of a product's parameters in `Target.tuned`. */
export const productKey = ({ m, n, k, batch, alongK }: ProductSizes): string =>
  `product ${batch}x${m},${n},${k}${alongK ? ' along k' : ''}`

const isSame = (x: MatmulShape, y: unknown): boolean =>
  typeof y === 'object' && y !== null && Object.entries(x).every(([name, value]) => Reflect.get(y, name) === value)

/** Parameters that a kernel of this product may have: the rule's, then tiles of other sizes. */
export function matmulShapes(sizes: ProductSizes, target: Target): MatmulShape[] {
  const rule = ruleShape(sizes, target)
  const sums = target.maxComputeWorkgroupStorageSize / (4 * rule.across * rule.down * rule.split)
  const fits = ({ rows, columns }: MatmulShape): boolean =>
    rows <= sizes.m && rows * columns <= mostSums && (rule.split === 1 || rows * columns <= sums)
  const columns = [4, 8].filter((c) => sizes.n % c === 0 && c !== rule.columns)
  const others = [rule.columns, ...columns].flatMap((c) =>
    [1, 2, 4, 6, 8, 12, 16].flatMap((rows) =>
      [...new Set([rule.subgroup, 0])].map((subgroup): MatmulShape => ({ ...rule, rows, columns: c, subgroup })),
    ),
  )
  return [rule, ...others.filter((x) => fits(x) && !isSame(x, rule))]
}
/** Sums that an invocation keeps, at most: code and registers grow with them. */
const mostSums = 128

/** Rule of thumb per class of adapter; the figures behind it are in docs/performance.md. */
const ruleShape = (sizes: ProductSizes, target: Target): MatmulShape =>
  target.class === 'software' ? softwareShape(sizes, target) : gpuShape(sizes, target)

/** From here on a larger tile, which takes longer to compile, pays within a few hundred runs. */
const mediumFlops = 4e6
const largeFlops = 32e6

const flopsOf = ({ m, n, k, batch }: ProductSizes): number => 2 * m * n * k * batch
/** Tiles that nearly divide a side. */
const even = (size: number, most: number): number => Math.ceil(size / Math.ceil(size / most))
/** Columns in fours are vectors; five make four lanes of a 17. */
const columnsOf = (sizes: ProductSizes): number =>
  sizes.n % 4 === 0 ? (flopsOf(sizes) >= largeFlops && sizes.n % 32 === 0 ? 8 : 4) : even(sizes.n, 5)
const unrollOf = ({ k }: ProductSizes): 1 | 4 => (k >= 4 ? 4 : 1)
const upToPower = (n: number): number => 2 ** Math.ceil(Math.log2(n))
const downToPower = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(1, n)))

/** Lanes of a software adapter's vectors: a workgroup's invocations. */
const lanes = 4
/** Steps along K from which lanes that have no tile share the others' sums. */
const longSum = 64

/** Four lanes side by side; below each other where there are few columns, and sharing a sum where there are few rows as well. */
function softwareShape(sizes: ProductSizes, target: Target): MatmulShape {
  const { m, n, k } = sizes
  // A row alone reads each element of B once: wider strips take fewer steps.
  const columns = m === 1 && n % 8 === 0 && n >= 8 * lanes ? 8 : columnsOf(sizes)
  const strips = Math.ceil(n / columns)
  const rows = Math.min(m, m <= 18 ? even(m, 9) : flopsOf(sizes) >= mediumFlops ? 16 : 8)
  const across = strips >= lanes ? lanes : downToPower(strips)
  const down = Math.min(lanes / across, downToPower(Math.ceil(m / rows)))
  const split = k >= longSum ? lanes / (across * down) : 1
  const subgroup = target.subgroupSize === lanes && across === lanes ? lanes : 0
  return { rows, columns, across, down, split, unroll: unrollOf(sizes), subgroup }
}

/** Invocations that keep a GPU busy, and that a workgroup should have. */
const [busy, workgroup] = [2 ** 15, 64]
/** Lanes that share a tile, at most, and steps along K that each should have, at least. */
const [mostSplit, fewestSteps] = [32, 4]

function gpuShape(sizes: ProductSizes, target: Target): MatmulShape {
  const { m, n, k, batch, alongK } = sizes
  const [columns, rows, unroll] = [columnsOf(sizes), even(m, 4), unrollOf(sizes)]
  const [strips, bands] = [Math.ceil(n / columns), Math.ceil(m / rows)]
  // Products with few tiles and a long sum: lanes share it.
  const split = downToPower(Math.min(mostSplit, busy / (strips * bands * batch), k / (unroll * fewestSteps)))
  // Neighbouring lanes read neighbouring elements: along K, or along N.
  const across = Math.min(split === 1 ? 16 : alongK ? 1 : 8, upToPower(strips))
  const most = Math.min(256, target.maxComputeInvocationsPerWorkgroup, storage(target, rows * columns))
  const shared = Math.min(split, downToPower(most / across))
  const down = Math.max(1, Math.min(workgroup / (across * shared), upToPower(bands)))
  return { rows, columns, across, down, split: shared, unroll, subgroup: 0 }
}

/** Invocations whose sums fit a workgroup's memory. */
const storage = ({ maxComputeWorkgroupStorageSize: bytes }: Target, sums: number): number => bytes / (4 * sums)
