import type { ProgramBuffer } from '../compiler/ir/program.js'
import type { Block, Pool } from './device.js'

/** The memory of a program's `temp` buffers: one block per slot, kept between calls so that bindings stay good. */
export interface Scratch {
  /** Runs `call` with the block of each slot. */
  use<T>(call: (slots: ReadonlyMap<number, Block>) => Promise<T>): Promise<T>
  dispose(): void
}

/** Scratch of an idle program is given up when memory is short, and taken anew by its next call. */
export function createScratch(pool: Pool, buffers: readonly ProgramBuffer[]): Scratch {
  const sizes = new Map<number, number>()
  for (const b of buffers) if (b.kind === 'temp') sizes.set(b.slot, Math.max(b.bytes, sizes.get(b.slot) ?? 0))
  let slots: Map<number, Block> | undefined
  let users = 0

  const free = (): void => {
    if (users > 0) return
    for (const block of slots?.values() ?? []) pool.release(block)
    slots = undefined
  }
  const forget = pool.onShortage(free)

  return {
    async use(call) {
      users++
      try {
        if (!slots) {
          const blocks = await pool.acquire([...sizes.values()])
          slots = new Map([...sizes.keys()].map((slot, i) => [slot, blocks[i]]))
        }
        return await call(slots)
      } finally {
        users--
      }
    },
    dispose() {
      forget()
      free()
    },
  }
}
