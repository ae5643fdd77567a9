import { format } from 'node:util'
import { transform } from 'esbuild'
import type { Example } from './extract.js'

export type Names = Readonly<Record<string, unknown>>

const AsyncFunction = (async () => {}).constructor as new (...parts: string[]) => (...args: unknown[]) => Promise<void>

/**
 * Runs an example with these names in reach, and imports taken from `modules`. What `console.log` prints must be what the
 * comment behind the call says, when there is one.
 */
export async function runExample({ code, at }: Example, names: Names, modules: Names): Promise<void> {
  const { code: js } = await transform(code, { loader: 'ts', target: 'es2022', format: 'esm' })
  const body = js.replace(/^import (\* as \w+|\{[^}]*\}|\w+) from "([^"]+)";$/gm, (_, what: string, from: string) => {
    if (!(from in modules)) throw new Error(`${at} imports '${from}', which is no public entry`)
    const named = what.startsWith('{') ? what.replace(/ as /g, ': ') : `{ default: ${what} }`
    const target = what.startsWith('*') ? what.slice(5) : named
    return `const ${target} = modules[${JSON.stringify(from)}];`
  })
  const printed: string[] = []
  const scope: Names = { ...names, modules, console: { log: (...args: unknown[]) => printed.push(format(...args)) } }
  // In a block of its own, so that an example may declare a name that is in reach.
  await new AsyncFunction(...Object.keys(scope), `{\n${body}\n}`)(...Object.values(scope))
  const promised = [...code.matchAll(/^ *console\.log\(.*\) \/\/ (.*)$/gm)].map((m) => m[1])
  const missing = promised.filter((text) => !printed.includes(text))
  if (missing.length)
    throw new Error(`${at} says it prints\n  ${missing.join('\n  ')}\nbut it printed\n  ${printed.join('\n  ')}`)
}
