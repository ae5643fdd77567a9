import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { print } from '../../compiler/ir/print.js'
import type { Target } from '../../compiler/ir/program.js'
import type { Fn } from '../../compiler/ir/types.js'

let code: string | undefined

/**
 * Which compiler this is: the version, and names, sizes and times of the files it lies in, so that a changed source counts. Those
 * are compiler/ in a checkout, and what lies beside this file in the package or in a bundle.
 */
function compilerCode(): string {
  if (code !== undefined) return code
  const isSource = import.meta.url.endsWith('.ts')
  const folder = fileURLToPath(new URL(isSource ? '../../compiler' : '.', import.meta.url))
  const files = readdirSync(folder, { recursive: isSource, encoding: 'utf8' }).filter((name) =>
    /\.[cm]?[jt]s$/.test(name),
  )
  const described = files.sort().map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name))
    return `${name} ${size} ${mtimeMs}`
  })
  return (code = [readVersion(), ...described].join('\n'))
}

function readVersion(): string {
  try {
    return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
  } catch {
    return '' // in somebody's bundle
  }
}

/** The name of what compiling makes: equal for equal functions but for their places, on equal targets, by the same compiler. */
export function keyOf(fn: Fn, target: Target, donated: ReadonlySet<number>): string {
  const parts = [compilerCode(), JSON.stringify(target), [...donated].sort((a, b) => a - b).join()]
  return createHash('sha256')
    .update(`${parts.join('\n\n')}\n\n${print(fn, { places: false })}`)
    .digest('hex')
}
