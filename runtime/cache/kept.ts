import type { Program, Target } from '../../compiler/ir/program.js'
import type { Fn } from '../../compiler/ir/types.js'
import { openDisk } from './disk.js'
import { programsFolder } from './folder.js'
import { keyOf } from './key.js'

/** The place on disk of one program, and the program if it is there. Undefined when programs are not kept. */
export interface Kept {
  readonly program?: Program
  keep(program: Program): void
}

export function find(fn: Fn, target: Target, donated: ReadonlySet<number> = new Set()): Kept | undefined {
  const folder = programsFolder()
  if (!folder) return undefined
  let key: string
  try {
    key = keyOf(fn, target, donated)
  } catch {
    return undefined // a bundle that doesn't know where its files are
  }
  const disk = openDisk(folder)
  return { program: disk.read(key), keep: (program) => disk.write(key, program) }
}
