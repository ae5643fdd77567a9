/**
 * Numbers in [0, 1) that depend on nothing but the whole numbers given, on every machine: a stream of its own for each
 * (seed, epoch, picture), say, so that a run that stopped goes on with the numbers of an unbroken one.
 *
 * @example
 * const random = seededRandom(0, 3, 17)
 * const flipped = random() < 0.5
 */
export function seededRandom(...numbers: readonly number[]): () => number {
  return mulberry32(numbers.reduce((state, n) => murmurMix(state + n + 0x9e3779b9), 0))
}

/** The finaliser of MurmurHash3 (Austin Appleby, public domain). */
function murmurMix(x: number): number {
  let h = x | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Numbers in [0, 1) with 32 random bits (Tommy Ettinger's generator, public domain). */
export function mulberry32(start: number): () => number {
  let state = start | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
