/** Random choices. */
export interface Draw {
  /** A whole number from 0 to n - 1. */
  int(n: number): number
  /** A number in [low, high). */
  real(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(xs: readonly T[]): T
}

/** Choices from a source of whole numbers below 2³². */
export function draws(next: () => number): Draw {
  const unit = (): number => next() / 2 ** 32
  const int = (n: number): number => Math.floor(unit() * n)
  return {
    int,
    real: (low, high) => low + (high - low) * unit(),
    chance: (probability) => unit() < probability,
    pick: (xs) => xs[int(xs.length)],
  }
}

/**
 * Choices that a seed repeats, unlike those of the seeds next to it: a counter in steps of the golden ratio, mixed by
 * MurmurHash3's finaliser, as in Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
 */
export function seeded(seed: number): Draw {
  let state = mix(seed >>> 0)
  return draws(() => {
    state = (state + 0x9e3779b9) >>> 0
    return mix(state)
  })
}

function mix(x: number): number {
  let h = x
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
