import type { Loc } from '../../compiler/ir/types.js'
import type { Profile, ProfiledDispatch } from '../../index.js'
import { showBytes } from '../../runtime/bytes.js'
import { scopeTree } from './scopes.js'
import { table } from './text.js'

export interface ProfileTextOptions {
  /** Kernels, scopes and lines at most; 20 by default. */
  readonly top?: number
}

/**
 * A profile as tables for a terminal: kernels, named scopes and source lines, the longest first, with their share of the
 * time and of what the device can do, and what memory is for.
 *
 * @example
 * console.log(profileText(await profile(exp, [ones([64])], { rounds: 3 }), { top: 10 }))
 */
export function profileText(profile: Profile, { top = 20 }: ProfileTextOptions = {}): string {
  const { dispatches, scopes, lines, limits, memory, once, call, parts } = profile
  const total = sumOf(dispatches)
  const ranked = [...dispatches].sort((a, b) => b.ms - a.ms)
  const folder = commonFolder(lines.flatMap((p) => (p.loc ? [p.loc.file] : [])))
  let running = 0
  const kernels = ranked.slice(0, top).map((d) => {
    running += d.ms
    const { flops, bytes } = ratesOf(d)
    return [
      percent(d.ms, total),
      percent(running, total),
      showMs(d.ms),
      d.runs,
      flops.toFixed(1),
      bytes.toFixed(1),
      `${percent(d.ofLimit, 1)} ${d.bound}`,
      d.label,
      d.scope,
      showPlace(d.loc),
    ]
  })
  const scopeRows: (string | number)[][] = []
  const visit = (node: ReturnType<typeof scopeTree>, depth: number): void => {
    for (const child of node.children) {
      scopeRows.push([
        percent(child.total, total),
        showMs(child.total),
        showMs(child.self),
        `${'  '.repeat(depth)}${child.name}`,
      ])
      visit(child, depth + 1)
    }
  }
  visit(scopeTree(scopes), 0)
  const rest = (shown: number, all: number): string => (all > shown ? `… ${all - shown} more\n` : '')
  const holders = memory.holders.slice(0, 5).map((h) => {
    const d = dispatches[h.dispatch]
    return [showBytes(h.bytes), h.kind === 'output' ? 'result' : 'temporary', d.label, d.scope, showPlace(d.loc)]
  })
  return `${profile.name} on ${profile.device.description || profile.device.kind} (${profile.device.kind}), medians of ${count(profile.rounds, 'round')}
a call ${showMs(call.median)} ms (least ${showMs(call.min)}); its ${count(dispatches.length, 'dispatch')} one by one ${showMs(parts.median)} ms (least ${showMs(parts.min)}, sum of each one's median ${showMs(total)})
limits of the device, measured: ${(limits.flops / 1e9).toFixed(1)} GFLOP/s, ${(limits.bytes / 1e9).toFixed(1)} GB/s
once: trace ${showMs(once.trace)} ms, compile ${showMs(once.compile)} ms, load kernels ${showMs(once.load)} ms, upload arguments ${showMs(once.upload)} ms, read results ${showMs(once.read)} ms

${table([['time', 'so far', 'ms', 'runs', 'GFLOP/s', 'GB/s', 'of limit', 'kernel', 'scope', 'line'], ...kernels])}
${rest(kernels.length, dispatches.length)}
${scopeRows.length ? `${table([['time', 'ms', 'own ms', 'scope'], ...scopeRows.slice(0, top)])}\n${rest(top, scopeRows.length)}\n` : ''}${table([['time', 'ms', 'line'], ...lines.slice(0, top).map((p) => [percent(p.ms, total), showMs(p.ms), p.name.slice(folder.length) || '(no line)'])])}
${rest(top, lines.length)}
memory: arguments ${showBytes(memory.arguments)}; temporaries and results at most ${showBytes(memory.peak)}${dispatches[memory.at] ? `, at '${dispatches[memory.at].label}', held by` : ''}
${holders.length ? `${table([['bytes', 'kind', 'written by', 'scope', 'line'], ...holders])}\n` : ''}`
}

/** The folder that all files are in, with its separator. */
export function commonFolder(files: readonly string[]): string {
  let folder = files[0] ?? ''
  for (const file of files) while (!file.startsWith(folder)) folder = folder.slice(0, -1)
  return folder.replace(/[^\\/]*$/, '')
}

export const sumOf = (dispatches: readonly ProfiledDispatch[]): number => dispatches.reduce((sum, d) => sum + d.ms, 0)
/** In 10⁹ a second; 0 for what did not run. */
export const ratesOf = ({ ms, flops, bytes }: ProfiledDispatch): { flops: number; bytes: number } =>
  ms > 0 ? { flops: flops / ms / 1e6, bytes: bytes / ms / 1e6 } : { flops: 0, bytes: 0 }
export const percent = (part: number, whole: number): string => `${(whole > 0 ? (100 * part) / whole : 0).toFixed(1)} %`
/** '1 round', '3 rounds'. */
export const count = (n: number, what: string): string =>
  `${n} ${what}${n === 1 ? '' : what.endsWith('ch') ? 'es' : 's'}`
/** Three digits, and no fewer before the point. */
export const showMs = (ms: number): string => ms.toFixed(ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0)
/** The name of the file and the line. */
export const showPlace = (loc: Loc | undefined): string =>
  loc ? `${loc.file.replace(/^.*[\\/]/, '')}:${loc.line}` : ''
