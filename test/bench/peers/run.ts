import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { allPeers, install, type Peer } from './peers.js'
import { node, type Reply, type Variant } from './process.js'
import { type How, heading, median, type Result, record, row, summary } from './table.js'
import { type Workload, workloads } from './workloads.js'

/** Speed against other libraries: README.md says how to run it and what the columns are. */
const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: process.env.FOVEA_DEVICE ?? 'cpu' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    rounds: { type: 'string', default: '7' },
    ms: { type: 'string', default: '100' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string', default: process.env.FOVEA_BENCH_PYTHON ?? '' },
    least: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const minMs = Number(options.ms)
const how: How = options.least ? 'least' : 'median'
const list = (text: string): string[] => text.split(',').filter(Boolean)

interface Entry {
  readonly name: string
  readonly variant: Variant
  /** ms at the end of warming up. */
  readonly warm: number
  readonly times: number[]
  /** From the reference's results. */
  readonly difference: number
}

/** Prepares every variant, holds their results against each other, and keeps those that may be their peer's fastest. */
async function enter(
  peers: readonly Peer[],
  workload: Workload,
): Promise<Pick<Result, 'missing'> & { entries: Entry[] }> {
  const answers: (Reply & { name: string; variant: Variant })[] = []
  for (const { name, variants } of peers)
    for (const variant of variants) answers.push({ ...(await variant.ask({ prepare: workload })), name, variant })
  const able = answers.filter(({ values }) => values)
  const reference = ['torch', 'jax'].flatMap((name) => able.find((a) => a.name === name) ?? [])[0] ?? able[0]

  const missing: Record<string, string> = {}
  const entries: Entry[] = []
  for (const { name, variant, values, ms: warm = 0, unsupported = '' } of answers) {
    const difference = values ? distance(values, reference.values!) : Number.NaN
    if (difference <= tolerance) entries.push({ name, variant, warm, difference, times: [] })
    else missing[name] = values ? `differs from ${reference.name} by ${difference.toExponential(1)}` : unsupported
    if (difference > tolerance || (name === 'fovea' && !values)) process.exitCode = 1
  }
  const fast = entries.filter((e) => entries.every((o) => o.name !== e.name || 1.5 * o.warm >= e.warm))
  return { entries: fast, missing }
}

/** Of f32 sums in another order, through four steps of training. */
const tolerance = 3e-4
type Values = readonly (readonly number[])[]
/** The largest difference, each list to the scale of its numbers. */
function distance(a: Values, b: Values): number {
  const errors = b.map((list, i) => {
    const scale = Math.sqrt(list.reduce((s, x) => s + x * x, 0) / list.length)
    return Math.max(...list.map((x, j) => Math.abs(x - (a[i]?.[j] ?? Number.NaN)))) / scale
  })
  return errors.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...errors)
}

const limit = (kind: string): Variant => node(kind, 'limits.ts', { PEER_THREADS: options.threads })
const limits = { peak: limit('peak'), plain: limit('plain'), copy: limit('copy') }
/** Asks, on the CPU, for what bounds the workload: multiply-adds, fused or not, or a copy of as many bytes. */
async function limitsOf({ bytes, flops }: Workload): Promise<Entry[]> {
  if (options.device !== 'cpu') return []
  const kinds = bytes ? (['copy'] as const) : flops ? (['peak', 'plain'] as const) : []
  const entries: Entry[] = []
  for (const kind of kinds) {
    const { ms = 1 } = await limits[kind].ask({ prepare: { kind, sizes: { bytes }, data: [], params: [] } })
    entries.push({ name: kind, variant: limits[kind], warm: ms, difference: 0, times: [] })
  }
  return entries
}

/** A peer that takes longer than this gets fewer rounds. */
const slowMs = 1000
const slowRounds = 3

async function measure(peers: readonly Peer[], workload: Workload): Promise<Result> {
  const { entries, missing } = await enter(peers, workload)
  entries.push(...(await limitsOf(workload)))
  for (let round = 0; round < rounds; round++) {
    // Nobody comes always after the same one.
    const order = entries.map((_, i) => entries[(i + round) % entries.length])
    for (const { variant, times, warm } of order) {
      if (warm > slowMs && round >= slowRounds) continue
      // Threads of the one before may still be spinning.
      await sleep(20)
      const { ms } = await variant.ask({ time: minMs })
      times.push(ms ?? Number.NaN)
    }
  }
  const fastest = entries.filter((e) => entries.every((o) => o.name !== e.name || median(o.times) >= median(e.times)))
  return {
    workload,
    times: Object.fromEntries(fastest.map(({ name, times }) => [name, times])),
    variants: Object.fromEntries(fastest.map(({ name, variant }) => [name, variant.label])),
    differences: Object.fromEntries(fastest.map(({ name, difference }) => [name, difference])),
    missing,
  }
}

install()
const peers = allPeers(options.device, options.threads, list(options.python), list(options.peers))
const names = peers.map(({ name }) => name).join(', ')
console.log(`${os.cpus()[0].model}, Node ${process.version}, threads: ${options.threads}, device: ${options.device}`)
console.log(`${names}; ${how} of ${rounds} rounds\n${heading}`)
const results: Result[] = []
for (const workload of workloads.filter(({ name }) => name.includes(options.only))) {
  const result = await measure(peers, workload)
  results.push(result)
  console.log(row(result, how))
  for (const [name, why] of Object.entries(result.missing)) if (why) console.log(`  ${name}: ${why}`)
}
for (const variant of [...peers.flatMap((peer) => peer.variants), ...Object.values(limits)]) variant.stop()
console.log(summary(results, how))
if (options.json) writeFileSync(options.json, `${JSON.stringify(record(results), null, 1)}\n`)
