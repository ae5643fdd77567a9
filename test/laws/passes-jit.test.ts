import fc from 'fast-check'
import { afterAll, test } from 'vitest'
import { destroyDevice } from '../../runtime/device.js'
import { checkJit } from '../../stdlib/testing/check-jit.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { programs } from './programs.js'

afterAll(destroyDevice)

/** The whole compiler on random programs: fused and run on the device they give what the reference interpreter gives. */
test.each(['continuous', 'views'] as const)(
  'compiled programs keep the meaning: %s',
  { timeout: 180_000 },
  async (of) => {
    await fc.assert(
      fc.asyncProperty(programs({ of }), ({ inputs, f }) =>
        checkJit(f, inputs.map(hostTensor), { rtol: 1e-4, atol: 1e-4 }),
      ),
      { numRuns: 60, seed: 3 },
    )
  },
)
