import type { Workload } from './workloads.js'

/** Times of one workload, a list per peer with a time per round, in ms; rounds are the same moments for all. */
export interface Result {
  readonly workload: Workload
  readonly times: Readonly<Record<string, readonly number[]>>
  /** What the fastest variant is called. */
  readonly variants: Readonly<Record<string, string>>
  /** From the reference's results, in their scale. */
  readonly differences: Readonly<Record<string, number>>
  /** Why a peer is missing; empty when it has no such thing. */
  readonly missing: Readonly<Record<string, string>>
}

const npmPeers = ['jax-js', 'tfjs', 'onnxruntime']
const nativePeers = ['torch', 'jax']

export const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
/** Half the distance between the quartiles, as a share of the median. */
const spread = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b)
  const at = (q: number): number => sorted[Math.round(q * (sorted.length - 1))]
  return (at(0.75) - at(0.25)) / 2 / median(xs)
}

/** What stands for all rounds: the median, or the least, which a busy machine disturbs less. */
export type How = 'median' | 'least'
const typical = (xs: readonly number[], how: How): number => (how === 'least' ? Math.min(...xs) : median(xs))
/** Of two lists with an entry per round: the median over rounds, or from the least of each. */
const quotient = (a: readonly number[], b: readonly number[], how: How): number =>
  how === 'least' ? typical(a, how) / typical(b, how) : median(a.slice(0, b.length).map((x, round) => x / b[round]))

/** How many times as long the peer takes as Fovea. */
function ratio({ times }: Result, peer: string, how: How): number | undefined {
  const [theirs, ours] = [times[peer], times.fovea]
  return theirs && ours && quotient(theirs, ours, how)
}
/** The ratio to the fastest of some peers. */
function best(result: Result, peers: readonly string[], how: How): number | undefined {
  const ratios = peers.flatMap((peer) => ratio(result, peer, how) ?? [])
  return ratios.length ? Math.min(...ratios) : undefined
}

/** Operations of a unit of limits.ts's multiply-adds. */
export const peakFlops = 1e8
/** What Fovea reaches of the limit measured in the same rounds: multiply-adds on registers, or a copy of as many bytes. */
function share({ workload, times }: Result, how: How, peak: 'peak' | 'plain' = 'peak'): number | undefined {
  const { flops = 0, bytes } = workload
  const limit = times[bytes ? 'copy' : peak]
  return times.fovea && limit && quotient(limit, times.fovea, how) * (bytes ? 1 : flops / peakFlops)
}

const ms = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2))
const times = (x: number | undefined): string => (x === undefined ? '' : `${x >= 10 ? x.toFixed(0) : x.toFixed(2)}x`)
const percent = (x: number | undefined): string => (x === undefined ? '' : `${(100 * x).toFixed(0)}%`)

const line = (name: string, cells: readonly string[]): string =>
  name.padEnd(26) + cells.map((cell) => cell.padStart(16)).join('')

export const heading = line('ms (x: times Fovea)', [
  'fovea',
  'of limit',
  ...npmPeers,
  ...nativePeers,
  'best npm',
  'best native',
])

export function row(result: Result, how: How): string {
  const ours = result.times.fovea
  const peer = (name: string): string => {
    const theirs = result.times[name]
    return theirs ? `${ms(typical(theirs, how))} (${times(ratio(result, name, how)) || '-'})` : '-'
  }
  return line(result.workload.name, [
    ours ? `${ms(typical(ours, how))} ±${percent(spread(ours))}` : '-',
    percent(share(result, how)),
    ...[...npmPeers, ...nativePeers].map(peer),
    times(best(result, npmPeers, how)),
    times(best(result, nativePeers, how)),
  ])
}

/** The limits themselves, in GFLOP/s and GB/s. */
export function summary(results: readonly Result[], how: How): string {
  const peaks = (['peak', 'plain'] as const).flatMap((kind) => {
    const all = results.flatMap(({ times }) => times[kind] ?? [])
    const what = kind === 'peak' ? 'fused multiply-adds' : 'multiplications and additions'
    return all.length ? `${what} on registers: ${(peakFlops / typical(all, how) / 1e6).toFixed(0)} GFLOP/s` : []
  })
  const copies = results.flatMap(({ workload: { bytes }, times }) =>
    bytes && times.copy
      ? `copy, ${(bytes / 1e6).toFixed(0)} MB read and written: ${(bytes / typical(times.copy, how) / 1e6).toFixed(0)} GB/s`
      : [],
  )
  return [...peaks, ...new Set(copies)].join('\n')
}

/** What goes into the JSON file; `times` are ms, round by round. */
export const record = (results: readonly Result[]): unknown =>
  results.map((result) => ({
    workload: result.workload.name,
    flops: result.workload.flops,
    bytes: result.workload.bytes,
    share: share(result, 'median'),
    shareUnfused: result.workload.bytes ? undefined : share(result, 'median', 'plain'),
    bestNpm: best(result, npmPeers, 'median'),
    bestNative: best(result, nativePeers, 'median'),
    missing: result.missing,
    peers: Object.fromEntries(
      Object.entries(result.times).map(([name, times]) => [
        name,
        {
          variant: result.variants[name],
          difference: result.differences[name],
          ms: median(times),
          spread: spread(times),
          ratio: ratio(result, name, 'median'),
          times,
        },
      ]),
    ),
  }))
