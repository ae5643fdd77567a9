import type { Program, Step } from '../../compiler/ir/program.js'
import { layout } from '../../compiler/kernel/wasm/run.js'
import type { Image } from './image.js'
import { isSmall, itemsOf } from './schedule.js'

const { op } = layout

/**
 * Writes control flow as code of `run`, and gives where in the table it begins. `stamp` gives the place of a dispatch that is
 * run after that of a number, before all for none.
 */
export function writeCode(
  image: Image,
  program: Program,
  step: Exclude<Step, number>,
  stamp?: (dispatch?: number) => number,
): number {
  // The code is one piece; what it names stands elsewhere.
  const code: number[] = []
  const pointers: number[] = []
  const size = layout.code.bytes / 4
  const emit = (kind: number, a = 0, b = 0, to = 0): number => code.push(kind, a, b, to) / size - 1
  const here = (): number => code.length / size
  const jumps: [at: number, to: number][] = []
  const resumes: [segment: number, at: number][] = []
  /** The operand of an instruction is a place in the table. */
  const at = (instruction: number): void => {
    pointers.push(instruction * size + 1)
  }

  const all = (steps: readonly Step[]): void => {
    for (const s of steps) one(s)
  }
  const one = (s: Step): void => {
    if (typeof s === 'number') {
      const d = program.dispatches[s]
      if (itemsOf(d) === 0) return
      const items = itemsOf(d)
      const first = image.dispatches([{ ...d, items }])
      if (isSmall(d)) at(emit(op.run, first))
      else {
        const shared = image.segment({ dispatches: first, count: 1, items, grain: d.grain ?? 1 })
        at(emit(op.share, shared))
        resumes.push([shared, here()])
      }
      if (stamp) at(emit(op.run, stamp(s)))
      return
    }
    switch (s.kind) {
      case 'loop': {
        const counter = image.word()
        at(emit(op.set, counter, 0))
        const first = here()
        all(s.body)
        const next = emit(op.next, counter, s.count)
        at(next)
        jumps.push([next, first])
        return
      }
      case 'while': {
        const first = here()
        all(s.cond)
        const unless = emit(op.unless, image.place(s.flag), 1)
        at(unless)
        all(s.body)
        jumps.push([emit(op.jump), first], [unless, here()])
        return
      }
      case 'cond': {
        const ends: number[] = []
        s.branches.forEach((branch, k) => {
          const unless = emit(op.unless, image.place(s.index), k)
          at(unless)
          all(branch)
          ends.push(emit(op.jump))
          jumps.push([unless, here()])
        })
        for (const end of ends) jumps.push([end, here()])
      }
    }
  }
  if (stamp) at(emit(op.run, stamp()))
  one(step)
  emit(op.end)
  const start = image.reserve(code.length)
  for (const [instruction, to] of jumps) {
    code[instruction * size + 3] = start + to * size
    pointers.push(instruction * size + 3)
  }
  code.forEach((word, i) => {
    image.set(start + i, word)
  })
  for (const [segment, to] of resumes) image.point(segment + layout.segment.resume / 4, start + to * size)
  for (const i of pointers) image.point(start + i, code[i])
  return start
}
