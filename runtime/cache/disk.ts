import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from '../../compiler/ir/program.js'
import { decodeProgram, encodeProgram } from './encode.js'

/** Programs in a folder, a file each. Any number of processes may share it. Nothing here throws. */
export interface Disk {
  /** The program of this key; undefined when there is none, or its file is damaged. */
  read(key: string): Program | undefined
  write(key: string, program: Program): void
}

const mostBytes = 256 * 2 ** 20
/** What a process that was ended left half written is removed after this. */
const staleMs = 3_600_000

export function openDisk(folder: string, limit = mostBytes): Disk {
  const fileOf = (key: string): string => join(folder, `${key}.program`)
  return {
    read(key) {
      try {
        const program = decodeProgram(readFileSync(fileOf(key)), key)
        if (program) touch(fileOf(key))
        return program
      } catch {
        return undefined
      }
    },
    write(key, program) {
      const aside = `${fileOf(key)}.${process.pid}-${randomUUID()}`
      try {
        const bytes = encodeProgram(program, key)
        if (bytes.length > limit) return
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        // Aside and renamed: a process beside this one sees the whole file or none.
        writeFileSync(aside, bytes, { mode: 0o600, flag: 'wx' })
        renameSync(aside, fileOf(key))
        prune(folder, limit)
      } catch (err) {
        remove(aside)
        warnOnce(folder, err)
      }
    },
  }
}

/** How many programs the folder holds, and their bytes. */
export function measure(folder: string): { entries: number; bytes: number } {
  const files = filesIn(folder).filter(({ isWhole }) => isWhole)
  return { entries: files.length, bytes: files.reduce((n, { bytes }) => n + bytes, 0) }
}

/** Removes what was not used for longest, until the rest takes no more than `limit` bytes. */
function prune(folder: string, limit: number): void {
  let bytes = 0
  for (const file of filesIn(folder).sort((a, b) => b.used - a.used)) {
    if (!file.isWhole && Date.now() - file.used < staleMs) continue
    if (file.isWhole) bytes += file.bytes
    if (!file.isWhole || bytes > limit) remove(file.path)
  }
}

/** Our own files only: the folder may be one that holds others. */
function filesIn(folder: string): { path: string; isWhole: boolean; bytes: number; used: number }[] {
  let names: string[] = []
  try {
    names = readdirSync(folder)
  } catch {} // nothing was kept yet
  return names.flatMap((name) => {
    const path = join(folder, name)
    const match = /^[0-9a-f]{64}\.program(\.[\w-]+)?$/.exec(name)
    const stat = match && statSync(path, { throwIfNoEntry: false })
    return stat ? [{ path, isWhole: !match[1], bytes: stat.size, used: stat.mtimeMs }] : []
  })
}

function touch(path: string): void {
  try {
    const now = new Date()
    utimesSync(path, now, now)
  } catch {} // a folder that can only be read
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {} // another process holds it; the next one that writes tries again
}

let hasWarned = false
function warnOnce(folder: string, err: unknown): void {
  if (hasWarned || process.env.FOVEA_DEBUG !== '1') return
  hasWarned = true
  console.warn(`fovea: compiled programs can't be kept in ${folder}: ${err instanceof Error ? err.message : err}`)
}
