import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A piece of code that a reader may copy. */
export interface Example {
  /** 'docs/language.md:12': where its first line is. */
  readonly at: string
  /** The file it stands in, from the root. */
  readonly file: string
  readonly code: string
  /** The message of the type error that it shows on purpose. */
  readonly error?: string
  /** What is documented, when it stands in a docstring. */
  readonly of?: string
}

/** Blocks of TypeScript in a page; "```ts error: message" marks one that must not compile. */
export function blocksOf(root: string, file: string): Example[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  const blocks: Example[] = []
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```ts(?: error: (.*))?$/.exec(lines[i])
    if (!fence) continue
    const end = lines.indexOf('```', i)
    blocks.push({ at: `${file}:${i + 2}`, file, code: lines.slice(i + 1, end).join('\n'), error: fence[1] })
    i = end
  }
  return blocks
}

/** The `@example`s of a source file's exported declarations. */
export function examplesOf(root: string, file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8')
  const documented = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export\s+(?:async\s+)?(?:function\*?|const|class)\s+(\w+)/g
  return [...text.matchAll(documented)].flatMap((m) => {
    const lines = m[1].split('\n')
    const start = lines.findIndex((line) => /^ \* @example$/.test(line)) + 1
    if (!start) return []
    const rest = lines.slice(start)
    const length = rest.findIndex((line) => /^ \* @|^ ?$/.test(line))
    const code = rest.slice(0, length < 0 ? undefined : length).map((line) => line.replace(/^ \* ?/, ''))
    const line = text.slice(0, m.index).split('\n').length + start
    return [{ at: `${file}:${line}`, file, code: code.join('\n'), of: m[2] }]
  })
}

/** Files under a folder whose names end so, sorted. */
export const filesUnder = (root: string, folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
    .sort()
