import { afterAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import type { Program, Target } from '../../compiler/ir/program.js'
import { matmulShapes, type ProductSizes, productKey } from '../../compiler/kernel/matmul-shape.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { productFn, productRuns } from '../bench/product.js'
import { target } from '../golden/target.js'

afterAll(destroyDevice)

const sizes: ProductSizes = { m: 37, n: 64, k: 18, batch: 1, alongK: false }
const compiled = (sizes: ProductSizes, target: Target): Program => compile(productFn(sizes), target, { verify: true })
const key = productKey(sizes)
const others = matmulShapes(sizes, target).slice(1)

test('a measured choice is used, and names the program', () => {
  expect(others.length).toBeGreaterThan(4)
  for (const shape of others) {
    const tuned = compiled(sizes, { ...target, tuned: { [key]: shape } })
    expect(tuned.kernels[0].wgsl).not.toBe(compiled(sizes, target).kernels[0].wgsl)
    expect(compiled(sizes, { ...target, tuned: { [key]: { ...shape } } })).toEqual(tuned)
  }
})

test.each([
  ['of another product', { [productKey({ ...sizes, m: 38 })]: others[0] }],
  ['that is no parameters', { [key]: 'fast' }],
  ['that is null', { [key]: null }],
  ['that does not fit', { [key]: { ...others[0], rows: 1000 } }],
  ['without a part', { [key]: { rows: 4, columns: 4 } }],
])('a record %s leaves the rule', (_, tuned) => {
  expect(compiled(sizes, { ...target, tuned })).toEqual(compiled(sizes, target))
})

// A quarter of the candidates each: compiling takes a while.
describe.runIf(process.env.FOVEA_DEVICE !== 'cpu')('candidates are right', () => {
  test.each<ProductSizes>([
    sizes,
    { m: 33, n: 65, k: 16, batch: 1, alongK: false },
    { m: 50, n: 36, k: 20, batch: 1, alongK: true },
    { m: 17, n: 16, k: 17, batch: 3, alongK: false },
    { m: 5, n: 8, k: 130, batch: 1, alongK: true },
  ])(
    '$batch × $m,$n,$k',
    async (sizes) => {
      const device = await getDevice()
      for (const shape of matmulShapes(sizes, device.target).filter((_, i) => (i + sizes.m) % 4 === 0)) {
        const { error, dispose } = await productRuns(device, sizes, shape)
        dispose()
        expect(error, JSON.stringify(shape)).toBeLessThan(1e-5)
      }
    },
    60_000,
  )
})
