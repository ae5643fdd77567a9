import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { destroyDevice, FoveaError, profile } from '../../index.js'
import type { Jitted } from '../../runtime/jit.js'
import { writeFileAtomic } from '../../stdlib/checkpoint/atomic.js'
import { profileHtml, profileText, profileTrace } from '../../stdlib/show/index.js'

export interface ProfilingOptions {
  readonly export: string
  readonly rounds: number
  readonly top: number
  readonly batch: number
  readonly device?: string
  readonly json: boolean
  readonly trace?: string
  readonly html?: string
}

/** What is measured: `jit`'s options beside a function and its arguments. */
interface Subject {
  readonly fn: Parameters<typeof profile>[0]
  readonly args: readonly unknown[]
  readonly donate?: readonly number[]
  readonly name?: string
}

export async function runProfile(file: string, options: ProfilingOptions): Promise<void> {
  if (options.device) {
    // Modules that are loaded may open the device themselves.
    await destroyDevice()
    process.env.FOVEA_DEVICE = options.device
  }
  const { fn, args, ...jitOptions } =
    file === 'clip' ? await clip(options.batch) : await subjectOf(file, options.export)
  const result = await profile(fn, args as unknown[], { ...jitOptions, rounds: options.rounds, onProgress: show })
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  if (options.trace) await writeFileAtomic(options.trace, JSON.stringify(profileTrace(result)))
  if (options.html) await writeFileAtomic(options.html, profileHtml(result))
  process.stdout.write(
    options.json ? `${JSON.stringify(result, null, 2)}\n` : profileText(result, { top: options.top }),
  )
}

const show = (stage: string, done: number, of: number): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r${stage}${of > 1 ? ` ${done}/${of}` : ''}\x1b[K`)
}

async function clip(batch: number): Promise<Subject> {
  const { clipStep } = await import('../clip/profiled.js')
  return clipStep(batch)
}

const expected = '{ fn, args }: a function, and a list of its arguments or a function that returns the list'

/** The export of a file that the user names. */
async function subjectOf(file: string, name: string): Promise<Subject> {
  const refuse = (what: string): never => {
    throw new FoveaError('input', `profile: ${what}`)
  }
  const path = resolve(file)
  if (!existsSync(path)) refuse(`there is no file '${file}'`)
  let module: Record<string, unknown>
  try {
    module = await import(pathToFileURL(path).href)
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ERR_UNKNOWN_FILE_EXTENSION')
      refuse(
        `node does not read '${file}' by itself: give it a loader, as in node --import tsx node_modules/.bin/fovea profile ${file}`,
      )
    throw new FoveaError('input', `profile: '${file}' failed: ${err instanceof Error ? err.message : err}`, undefined, {
      cause: err,
    })
  }
  const subject = module[name]
  if (subject === undefined)
    return refuse(`'${file}' has no export '${name}'; it has ${Object.keys(module).sort().join(', ') || 'none'}`)
  const where = `the export '${name}' of '${file}'`
  if (typeof subject !== 'object' || subject === null)
    return refuse(`expected ${where} to be ${expected}, got a ${typeof subject}`)
  const { fn, args, donate, name: called } = subject as Record<string, unknown>
  if (typeof fn !== 'function') return refuse(`expected ${where} to be ${expected}, got fn: ${typeof fn}`)
  // What the user's code throws is theirs.
  const theirs = (err: unknown): never => {
    if (err instanceof FoveaError) throw err
    const message = err instanceof Error ? err.message : String(err)
    throw new FoveaError('input', `profile: ${where} threw: ${message}`, undefined, { cause: err })
  }
  const guarded =
    <A extends unknown[]>(f: (...xs: A) => unknown) =>
    (...xs: A): unknown => {
      try {
        return f(...xs)
      } catch (err) {
        return theirs(err)
      }
    }
  const list = typeof args === 'function' ? await Promise.resolve(guarded(args as () => unknown)()).catch(theirs) : args
  if (!Array.isArray(list)) return refuse(`expected ${where} to be ${expected}, got args: ${typeof list}`)
  const positions = (x: unknown): x is number[] =>
    Array.isArray(x) && x.every((i) => Number.isInteger(i) && i >= 0 && i < list.length)
  if (donate !== undefined && !positions(donate))
    return refuse(
      `expected donate of ${where} to list positions of its ${list.length} arguments, got ${JSON.stringify(donate)}`,
    )
  if (called !== undefined && typeof called !== 'string')
    return refuse(`expected name of ${where} to be a string, got ${typeof called}`)
  // A jitted function has the plain one with it.
  const jitted = 'fn' in fn && 'options' in fn ? (fn as unknown as Jitted<unknown[], unknown>) : undefined
  const plain = jitted?.fn ?? (fn as (...xs: unknown[]) => unknown)
  const given = donate as number[] | undefined
  return {
    fn: guarded(plain),
    args: list,
    donate: given ?? jitted?.options.donate ?? [],
    name: (called as string | undefined) ?? jitted?.options.name ?? (plain.name || 'fn'),
  }
}
