import { FoveaError } from '../../compiler/trace/error.js'

export type CorruptKind =
  | 'undecodable picture'
  | 'missing picture'
  | 'missing caption'
  | 'empty caption'
  | 'control characters in a caption'
  | 'unreadable record'
  | 'unsafe name'
  | 'too large'
  | 'truncated shard'

/** Counts records that can't be used, and ends the run when there are too many of them. */
export interface CorruptLog {
  /** Counts a record once, however often it comes up. `what` says which it is and what is wrong with it. */
  add(kind: CorruptKind, what: string): void
  /** Throws FoveaError 'input' with the counts if more of `records` than the share allowed are corrupt. */
  check(records: number): void
  /** How many there are of each kind, the most frequent first. */
  counts(): Readonly<Partial<Record<CorruptKind, number>>>
}

export interface CorruptOptions {
  /** The share of records that may be skipped, 0.01 by default: one in a hundred. */
  readonly maxCorrupt?: number
  /** Called for the first record of each kind. */
  readonly onCorrupt?: (kind: CorruptKind, what: string) => void
}

/**
 * Counts corrupt records, for `openPairs` and `batches`.
 *
 * @throws FoveaError 'input' for a share that is not between 0 and 1
 * @example
 * const log = corruptLog({ maxCorrupt: 0.05, onCorrupt: (kind, what) => console.log(`${kind}: ${what}`) })
 * log.add('empty caption', 'line 7')
 * log.check(100) // 1 of 100 is allowed
 */
export function corruptLog({ maxCorrupt = 0.01, onCorrupt }: CorruptOptions = {}): CorruptLog {
  if (!(maxCorrupt >= 0 && maxCorrupt <= 1))
    throw new FoveaError('input', `expected maxCorrupt to be a share between 0 and 1, got ${maxCorrupt}`)
  const seen = new Set<string>()
  const kinds = new Map<CorruptKind, number>()
  let first = ''
  const counts = (): Partial<Record<CorruptKind, number>> =>
    Object.fromEntries([...kinds].sort(([, a], [, b]) => b - a))
  return {
    counts,
    add(kind, what) {
      if (seen.has(what)) return
      seen.add(what)
      if (seen.size === 1) first = what
      const count = kinds.get(kind) ?? 0
      kinds.set(kind, count + 1)
      if (count === 0) onCorrupt?.(kind, what)
    },
    check(records) {
      if (seen.size <= maxCorrupt * records) return
      throw new FoveaError(
        'input',
        `${seen.size} of ${records} records can't be used (${describeCounts(counts())}), more than the share of ` +
          `${maxCorrupt} that may be skipped (maxCorrupt). The first: ${first}`,
      )
    },
  }
}

/**
 * Counts of corrupt records in words.
 *
 * @example
 * describeCounts({ 'empty caption': 3, 'missing picture': 1 }) // '3 empty caption, 1 missing picture'
 */
export const describeCounts = (counts: Readonly<Partial<Record<CorruptKind, number>>>): string =>
  Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')

/** Takes no corrupt record: the first is an error. */
export const strict: CorruptLog = {
  add(_, what) {
    throw new FoveaError('input', what)
  },
  check() {},
  counts: () => ({}),
}

/** What is wrong with a caption, or undefined. Tabs and line ends are white space to every tokenizer. */
export function captionFault(caption: string): keyof typeof faultWords | undefined {
  if (caption.trim() === '') return 'empty caption'
  if (/[^\P{Cc}\t\n\r]/u.test(caption)) return 'control characters in a caption'
  return undefined
}

/** `captionFault` in a sentence's place. */
export const faultWords = { 'empty caption': 'is empty', 'control characters in a caption': 'has control characters' }
