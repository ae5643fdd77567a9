import type { Profile } from '../../index.js'
import { ratesOf, showPlace } from './profile-text.js'

/** One event of the trace event format; times in µs. */
export interface TraceEvent {
  readonly name: string
  /** X: a slice; C: counters; M: names of processes and threads. */
  readonly ph: 'X' | 'C' | 'M'
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly cat?: string
  readonly args: Readonly<Record<string, string | number>>
}

/**
 * A profile in the trace event format that chrome://tracing and ui.perfetto.dev open: a track of kernels, one of the named scopes
 * they are of, nested, and one of memory. Dispatches stand one after another with their median times; what a loop runs
 * many times stands there once, with the time of all runs.
 * Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 *
 * @example
 * await writeFile('trace.json', JSON.stringify(profileTrace(await profile(exp, [ones([64])], { rounds: 3 }))))
 */
export function profileTrace(profile: Profile): {
  readonly traceEvents: readonly TraceEvent[]
  readonly displayTimeUnit: 'ms'
} {
  const [pid, scopesThread, kernelsThread] = [1, 1, 2]
  const named = (name: 'process_name' | 'thread_name', tid: number, value: string): TraceEvent => ({
    name,
    ph: 'M',
    pid,
    tid,
    ts: 0,
    args: { name: value },
  })
  const { description, kind } = profile.device
  const events: TraceEvent[] = [
    named('process_name', 0, `${profile.name} on ${description || kind}`),
    named('thread_name', scopesThread, 'scopes'),
    named('thread_name', kernelsThread, 'kernels'),
  ]
  /** Scopes that are open, the outermost first. */
  const open: { readonly name: string; readonly since: number }[] = []
  const close = (depth: number, now: number): void => {
    while (open.length > depth) {
      const { name, since } = open.pop()!
      events.push({ name, cat: 'scope', ph: 'X', pid, tid: scopesThread, ts: since, dur: now - since, args: {} })
    }
  }
  let now = 0
  for (const { dispatch, bytes } of profile.memory.live) {
    const d = profile.dispatches[dispatch]
    const path = d.scope === '' ? [] : d.scope.split('/')
    const same = path.findIndex((part, i) => open[i]?.name !== part)
    close(same < 0 ? path.length : same, now)
    for (const name of path.slice(open.length)) open.push({ name, since: now })
    events.push({ name: 'memory', ph: 'C', pid, tid: 0, ts: now, args: { 'temporaries and results': bytes } })
    const rates = ratesOf(d)
    const args = {
      dispatch: d.number,
      kernel: d.kernel,
      scope: d.scope,
      line: showPlace(d.loc),
      runs: d.runs,
      'GFLOP/s': rates.flops,
      'GB/s': rates.bytes,
      'of limit': d.ofLimit,
      bound: d.bound,
    }
    events.push({ name: d.label, cat: 'kernel', ph: 'X', pid, tid: kernelsThread, ts: now, dur: d.ms * 1e3, args })
    now += d.ms * 1e3
  }
  close(0, now)
  events.push({ name: 'memory', ph: 'C', pid, tid: 0, ts: now, args: { 'temporaries and results': 0 } })
  return { traceEvents: events, displayTimeUnit: 'ms' }
}
