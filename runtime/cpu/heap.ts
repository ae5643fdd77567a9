/** Which addresses of a memory are free. */
export interface Heap {
  /** The address of so many bytes, the lowest there are; undefined: nowhere are so many free together. */
  take(bytes: number): number | undefined
  /** These are free: taken before, or new. */
  give(address: number, bytes: number): void
  /** Bytes free at the very end of what was ever given. */
  tail(): number
}

/** Free ranges in the order of their addresses; no two of them touch. */
export function createHeap(): Heap {
  const starts: number[] = []
  const ends: number[] = []
  let top = 0

  /** The first range that begins at this address or after it. */
  const search = (address: number): number => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (starts[middle] < address) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    take(bytes) {
      for (let i = 0; i < starts.length; i++) {
        const address = starts[i]
        if (ends[i] - address < bytes) continue
        if (ends[i] - address > bytes) starts[i] = address + bytes
        else {
          starts.splice(i, 1)
          ends.splice(i, 1)
        }
        return address
      }
      return undefined
    },
    give(address, bytes) {
      const end = address + bytes
      top = Math.max(top, end)
      const i = search(address)
      const joinsBefore = i > 0 && ends[i - 1] === address
      const joinsAfter = i < starts.length && starts[i] === end
      if (joinsBefore && joinsAfter) {
        ends[i - 1] = ends[i]
        starts.splice(i, 1)
        ends.splice(i, 1)
      } else if (joinsBefore) ends[i - 1] = end
      else if (joinsAfter) starts[i] = address
      else {
        starts.splice(i, 0, address)
        ends.splice(i, 0, end)
      }
    },
    tail() {
      const last = starts.length - 1
      return last >= 0 && ends[last] === top ? top - starts[last] : 0
    },
  }
}
