import { expect, test } from 'vitest'
import { accuracy, confusionMatrix, recallAtK, topKAccuracy } from '../../stdlib/metrics/index.js'

test('accuracy, top k, confusion', () => {
  expect(accuracy([0, 1, 1, 2], [0, 1, 2, 2])).toBe(0.75)
  const scores = [0.1, 0.7, 0.2, 0.5, 0.3, 0.2]
  expect(topKAccuracy(scores, [2, 2], 1)).toBe(0)
  expect(topKAccuracy(scores, [2, 2], 2)).toBe(0.5)
  expect(topKAccuracy([1, 1, 1], [0], 2)).toBe(0) // a tie is lost
  expect([...confusionMatrix([0, 1, 1], [0, 1, 0], 2).counts]).toEqual([1, 1, 0, 1])
  expect(() => accuracy([], [])).toThrow('at least one')
  expect(() => confusionMatrix([2], [0], 2)).toThrow('expected classes 0 … 1, got label 0 and prediction 2')
})

test('recall both ways, with several texts an image', () => {
  const rows = (...data: number[]) => ({ width: 2, data: new Float32Array(data) })
  const images = rows(1, 0, 0, 1)
  // Texts 0 and 1 belong to image 0, the second of them looks like image 1; text 2 belongs to image 1.
  const texts = rows(1, 0, 0.1, 1, 0.2, 0.9)
  expect(recallAtK(images, texts, [0, 0, 1], [1, 2])).toEqual([
    { k: 1, imageToText: 0.5, textToImage: 2 / 3 },
    { k: 2, imageToText: 1, textToImage: 1 },
  ])
  // All alike: chance, not a hit.
  const same = rows(1, 0, 1, 0)
  expect(recallAtK(same, same, [0, 1], [1])).toEqual([{ k: 1, imageToText: 0, textToImage: 0 }])
  expect(() => recallAtK(images, texts, [0, 0, 2])).toThrow('expected owners 0 … 1, got 2 for text 2')
})
