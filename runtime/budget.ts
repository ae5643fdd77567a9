import type { Program } from '../compiler/ir/program.js'
import { memoryAtPeak } from '../compiler/pass/peak.js'
import { FoveaError } from '../compiler/trace/error.js'
import { showBytes } from './bytes.js'

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** Bytes of a budget: a number, or text such as '2GB' (10^9) and '512 MiB' (2^20). Throws FoveaError 'input'. */
export function budgetBytes(memory: number | string): number {
  const [, digits, unit] = /^([\d.]+)\s*([KMG]i?B|B)?$/.exec(String(memory)) ?? []
  const bytes = Number(digits) * units[unit ?? '']
  if (bytes > 0) return Math.floor(bytes)
  throw new FoveaError(
    'input',
    `memory: expected bytes, as a number or as '2GB' or '512MiB', got ${JSON.stringify(memory)}`,
  )
}

/** Values that the error names. */
const mostValues = 5

/** Throws FoveaError 'out-of-memory' for a program whose arguments, results and temporaries are more than `budget` bytes. */
export function refuseOverBudget(program: Program, budget: number): void {
  const { name, buffers, memory } = program
  const sum = (kind: 'input' | 'output'): number => buffers.reduce((n, b) => n + (b.kind === kind ? b.bytes : 0), 0)
  const [args, results, temps] = [sum('input'), sum('output'), memory.tempBytes]
  const total = args + results + temps
  if (total <= budget) return
  const { values, scopes } = memoryAtPeak(program)
  const largest = values.slice(0, mostValues).map((v) => {
    const place = v.loc ? ` at ${v.loc.file}:${v.loc.line}` : ''
    return `\n  ${showBytes(v.bytes)} of ${v.ops.join(' ')}${v.scope && ` in ${v.scope}`}${place}`
  })
  const scope = scopes.find((s) => s.scope)?.scope
  throw new FoveaError(
    'out-of-memory',
    `'${name}' takes ${showBytes(total)} (${showBytes(args)} of arguments, ${showBytes(results)} of results, ${showBytes(temps)} of temporaries), ` +
      `${showBytes(total - budget)} more than its budget of ${showBytes(budget)}. ` +
      `The largest values at the peak:${largest.join('') || ' none'}\n` +
      `What helps: a smaller batch or accumulated gradients; remat${scope ? ` around '${scope}'` : ''}; bf16 storage; donated arguments`,
  )
}
