import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { FoveaError } from '../../compiler/trace/error.js'
import { sizes } from './errors/make.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'test/types/errors')

/** A case is a line `() => call, // the sentence`. */
interface Case {
  readonly file: string
  readonly line: number
  readonly sentence: string
}
const files = readdirSync(folder).filter((f) => f.endsWith('.ts') && f !== 'make.ts')
const cases: Case[] = files.flatMap((file) =>
  readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .flatMap((text, i) => {
      const found = /^ {2}\(\) => .*, \/\/ (.+)$/.exec(text)
      return found ? [{ file, line: i + 1, sentence: found[1] }] : []
    }),
)

/** The sentence that the types tell at each place, from tsc's output. */
async function diagnostics(): Promise<Map<string, string[]>> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const run = promisify(execFile)(process.execPath, [tsc, '-p', join(folder, 'tsconfig.json')], { cwd: root })
  const stdout: string = await run.then(
    () => '',
    (err) => err.stdout,
  )
  const out = new Map<string, string[]>()
  for (const text of stdout.split('\n')) {
    const at = /^(.+?)\((\d+),\d+\): error TS\d+: (.*)$/.exec(text)
    if (!at) continue
    const place = `${basename(at[1])}:${at[2]}`
    out.set(place, [...(out.get(place) ?? []), /ShapeError<"(.*)">/.exec(at[3])?.[1] ?? at[3]])
  }
  return out
}

test('each wrong call has the error written beside it, and nothing else is wrong', async () => {
  expect(cases.length).toBeGreaterThan(40)
  const found = await diagnostics()
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(cases.map((c) => [`${c.file}:${c.line}`, [c.sentence]])))
}, 60_000)

/** The sentence with numbers in place of names: '512*B*T' becomes 39424. Quoted patterns stay. */
const withNumbers = (sentence: string): string =>
  sentence.replace(/'[^']*'|(?:\d+\*)?\b[BTSDV](?:\*[BTSDV])*\b/g, (text) =>
    text.startsWith("'") ? text : String(text.split('*').reduce((n, d) => n * (sizes[d] ?? Number(d)), 1)),
  )

describe('the same call throws the same sentence when it is traced', () => {
  for (const file of files) {
    if (readFileSync(join(folder, file), 'utf8').includes('// types only')) continue
    test(file, async () => {
      const calls: (() => unknown)[] = (await import(`./errors/${basename(file, '.ts')}.ts`)).cases
      const here = cases.filter((c) => c.file === file)
      expect(calls.length).toBe(here.length)
      calls.forEach((call, i) => {
        const error = thrown(call)
        expect(error.message.split('\n')[0]).toBe(withNumbers(here[i].sentence))
        expect(['shape', 'dtype']).toContain(error.code)
        expect(error.loc?.file).toContain(file)
        expect(error.loc?.line).toBe(here[i].line)
      })
    })
  }
})

function thrown(call: () => unknown): FoveaError {
  try {
    call()
  } catch (err) {
    if (err instanceof FoveaError) return err
    throw err
  }
  throw new Error(`did not throw: ${call}`)
}
