import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHeap } from '../../runtime/cpu/heap.js'

test('random takes and gives: blocks never overlap, and all is one range again when all is given back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat()), { maxLength: 200 }), (steps) => {
      const size = 1000
      const heap = createHeap()
      heap.give(64, size)
      const owner = new Array<number | undefined>(size + 64)
      const held: [address: number, bytes: number][] = []
      const release = (at: number): void => {
        const [[address, bytes]] = held.splice(at, 1)
        owner.fill(undefined, address, address + bytes)
        heap.give(address, bytes)
      }
      for (const [i, [bytes, choice]] of steps.entries()) {
        if (choice % 3 === 0 && held.length > 0) release(choice % held.length)
        const address = heap.take(bytes)
        const room = longestRun(owner.slice(64))
        if (address === undefined) {
          expect(room).toBeLessThan(bytes)
          continue
        }
        expect(address).toBeGreaterThanOrEqual(64)
        expect(address + bytes).toBeLessThanOrEqual(64 + size)
        expect(owner.slice(address, address + bytes).every((o) => o === undefined)).toBe(true)
        owner.fill(i, address, address + bytes)
        held.push([address, bytes])
      }
      while (held.length > 0) release(held.length - 1)
      expect(heap.tail()).toBe(size)
      expect(heap.take(size)).toBe(64)
    }),
  )
})

test('what is given at the end joins what is free there', () => {
  const heap = createHeap()
  heap.give(0, 100)
  expect(heap.take(60)).toBe(0)
  expect(heap.tail()).toBe(40)
  expect(heap.take(50)).toBeUndefined()
  heap.give(100, 10)
  expect(heap.tail()).toBe(50)
  expect(heap.take(50)).toBe(60)
  expect(heap.tail()).toBe(0)
})

function longestRun(owner: readonly (number | undefined)[]): number {
  let [best, now] = [0, 0]
  for (const o of owner) best = Math.max(best, (now = o === undefined ? now + 1 : 0))
  return best
}
