/** Memory of temporaries. */
export interface Slots {
  /** A free slot of nearly the right size, else a new one. */
  take(bytes: number): number
  release(slot: number): void
  /** What all slots take. */
  bytes(): number
}

export function slotAllocator(): Slots {
  const slots: { bytes: number; free: boolean }[] = []
  /** How far off a slot is; one more than four times too large or twice too small is left for another value. */
  const misfit = (s: { bytes: number; free: boolean }, bytes: number): number =>
    !s.free || s.bytes > bytes * 4 || s.bytes * 2 < bytes
      ? Number.POSITIVE_INFINITY
      : s.bytes >= bytes
        ? s.bytes - bytes
        : 4 * (bytes - s.bytes)
  return {
    take(bytes) {
      let best = -1
      slots.forEach((s, i) => {
        if (misfit(s, bytes) < (best < 0 ? Number.POSITIVE_INFINITY : misfit(slots[best], bytes))) best = i
      })
      if (best < 0) return slots.push({ bytes, free: false }) - 1
      slots[best] = { bytes: Math.max(slots[best].bytes, bytes), free: false }
      return best
    },
    release(slot) {
      slots[slot].free = true
    },
    bytes: () => slots.reduce((sum, s) => sum + s.bytes, 0),
  }
}
