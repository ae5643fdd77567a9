import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { userCache } from '../cache/folder.js'
import { untar } from './untar.js'

/** SwiftShader on this disk: a software Vulkan driver with a Vulkan loader. */
export interface SwiftShader {
  readonly version: string
  readonly loader: string
  readonly icd: string
}

const npmPackage = '@sparticuz/chromium'
const loader = 'libvulkan.so.1'
const icd = 'vk_swiftshader_icd.json'
const wanted = [loader, 'libvk_swiftshader.so', icd]

/**
 * Finds the SwiftShader that npm's @sparticuz/chromium carries and unpacks it once into the user's cache.
 * Returns why it can't be had as a string.
 */
export function installSwiftShader(): SwiftShader | string {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `the SwiftShader of ${npmPackage} runs on linux x64 only, this is ${process.platform} ${process.arch}`
  const found = findPackage()
  if (typeof found === 'string') return found
  const problems: string[] = []
  for (const root of cacheRoots()) {
    const directory = join(root, `swiftshader-${found.version}`)
    try {
      if (!complete(directory)) unpack(found.archive, directory)
      return { version: found.version, loader: join(directory, loader), icd: join(directory, icd) }
    } catch (err) {
      problems.push(`${directory}: ${err instanceof Error ? err.message : err}`)
    }
  }
  return `could not unpack ${found.archive} (${problems.join('; ')}); set XDG_CACHE_HOME to a folder that can be written`
}

function findPackage(): { archive: string; version: string } | string {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    let folder: string
    try {
      folder = dirname(createRequire(from).resolve(npmPackage))
    } catch {
      continue
    }
    while (!existsSync(join(folder, 'bin')) && folder !== dirname(folder)) folder = dirname(folder)
    const archive = join(folder, 'bin', 'swiftshader.tar.br')
    if (!existsSync(archive)) return `${npmPackage} at ${folder} has no bin/swiftshader.tar.br; version 147 has it`
    return { archive, version: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version }
  }
  return `the npm package ${npmPackage} is not installed`
}

/** The user's cache, then a private folder in the temporary one when that can't be written. */
function cacheRoots(): string[] {
  const cache = userCache()
  const own = join(tmpdir(), `fovea-${process.getuid?.()}`)
  return isPrivate(own) ? [cache, own] : [cache]
}

/** Libraries are loaded from here: nobody else may be able to put them there. */
function isPrivate(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const { uid, mode } = statSync(directory)
    return uid === process.getuid?.() && (mode & 0o022) === 0
  } catch {
    return false
  }
}

const complete = (directory: string): boolean =>
  wanted.every((name) => (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0) > 0)

/** Writes aside and renames, so that a process beside this one sees all files or none. */
function unpack(archive: string, directory: string): void {
  const aside = `${directory}.${process.pid}-${randomUUID()}`
  mkdirSync(aside, { recursive: true, mode: 0o700 })
  try {
    for (const { name, data } of untar(brotliDecompressSync(readFileSync(archive))))
      if (wanted.includes(basename(name))) writeFileSync(join(aside, basename(name)), data, { mode: 0o700 })
    if (!complete(aside)) throw new Error(`the archive lacks one of ${wanted.join(', ')}`)
    if (existsSync(directory) && !complete(directory)) rmSync(directory, { recursive: true })
    renameSync(aside, directory)
  } catch (err) {
    rmSync(aside, { recursive: true, force: true })
    if (!complete(directory)) throw err // else another process was faster
  }
}
