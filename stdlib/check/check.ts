import { relative } from 'node:path'
import type { ts } from 'ts-morph'
import { donatedUse } from './donated.js'
import { open, sourcesIn } from './project.js'
import { type Context, purityOf, type Report } from './purity.js'
import { type RuleId, rules } from './rules.js'
import { tracedIn, transformsIn } from './traced.js'
import { tensorTypes } from './types.js'
import { unusedFields, unusedParameters } from './unused.js'

/** Something in a source that tracing can't keep, or that is likely a mistake. */
export interface Finding {
  readonly file: string
  /** 1-based. */
  readonly line: number
  readonly column: number
  readonly severity: 'error' | 'warning'
  readonly rule: RuleId
  readonly message: string
  /** What to do. */
  readonly help: string
}
export interface CheckResult {
  readonly files: number
  /** Functions that were read as traced. */
  readonly functions: number
  /** In the order of files and lines. */
  readonly findings: readonly Finding[]
}

/**
 * Reads the sources among files and folders, and finds what functions that are traced must not do: functions given to `jit`,
 * `grad` and their kin, exported functions of tensors, and what these call among the files. `onFile` hears of progress.
 * Throws FoveaError 'input' when a path doesn't exist, or holds no sources.
 */
export async function check(
  paths: readonly string[],
  onFile: (done: number, of: number) => void = () => {},
): Promise<CheckResult> {
  const sources = open(await sourcesIn(paths))
  const { checker, files, given } = sources
  const findings = new Map<string, Finding>()
  const add = (file: ts.SourceFile, start: number, rule: RuleId, message: string): void => {
    const { line, character } = file.getLineAndCharacterOfPosition(start)
    const { severity, help } = rules[rule]
    if (isIgnored(file, line, rule)) return
    const name = relative(process.cwd(), file.fileName)
    const finding: Finding = { file: name, line: line + 1, column: character + 1, severity, rule, message, help }
    findings.set(`${file.fileName}:${start}:${rule}`, finding)
  }
  const report: Report = (node, rule, message) => add(node.getSourceFile(), node.getStart(), rule, message)
  const context: Context = { checker, tensors: tensorTypes(checker), transform: transformsIn(checker), report }
  const traced = tracedIn(sources, context.tensors, context.transform)
  const all = new Set(traced.map(({ fun }) => fun))
  for (const [i, file] of files.entries()) {
    for (const { start, messageText } of sources.syntaxErrors(file))
      add(file, start ?? 0, 'syntax', typeof messageText === 'string' ? messageText : messageText.messageText)
    for (const one of traced) {
      if (one.fun.getSourceFile() !== file) continue
      purityOf(one, all, context)
      unusedParameters(one, context)
    }
    donatedUse(file, context)
    onFile(i + 1, files.length)
  }
  unusedFields(traced, given, context)
  const order = new Map(files.map((file, i) => [relative(process.cwd(), file.fileName), i]))
  return {
    files: files.length,
    functions: traced.length,
    findings: [...findings.values()].sort(
      (a, b) => order.get(a.file)! - order.get(b.file)! || a.line - b.line || a.column - b.column,
    ),
  }
}

/** A comment on the line, or alone on the line before. */
function isIgnored(file: ts.SourceFile, line: number, rule: RuleId): boolean {
  const starts = file.getLineStarts()
  const text = (n: number): string => file.text.slice(starts[n], starts[n + 1])
  const allows = (of: string): boolean =>
    /\/\/\s*fovea-ignore\s+([\w-]+(?:\s*,\s*[\w-]+)*)/
      .exec(of)?.[1]
      .split(/\s*,\s*/)
      .includes(rule) ?? false
  return allows(text(line)) || (line > 0 && /^\s*\/\//.test(text(line - 1)) && allows(text(line - 1)))
}
