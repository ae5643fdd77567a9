import { expect, test } from 'vitest'
import { lbfgs, type Objective } from '../../stdlib/optim/index.js'

/** (1-a)² + 100(b-a²)²: a curved valley with its minimum at (1, 1). */
const rosenbrock: Objective = async ([a, b]) => ({
  value: (1 - a) ** 2 + 100 * (b - a * a) ** 2,
  gradient: [-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)],
})

test('finds the minimum of a curved valley', async () => {
  const { x, converged, iterations } = await lbfgs(rosenbrock, new Float64Array([-1.2, 1]), { tolerance: 1e-8 })
  expect(converged).toBe(true)
  expect(iterations).toBeLessThan(60)
  expect(x[0]).toBeCloseTo(1, 6)
  expect(x[1]).toBeCloseTo(1, 6)
})

test('a quadratic of ill condition needs few steps', async () => {
  const scale = [1, 10, 100, 1000]
  const f: Objective = async (x) => ({
    value: scale.reduce((sum, c, i) => sum + (c * (x[i] - i) ** 2) / 2, 0),
    gradient: scale.map((c, i) => c * (x[i] - i)),
  })
  const { x, iterations } = await lbfgs(f, new Float64Array(4).fill(5))
  expect([...x].map((v) => Math.round(v * 1e4) / 1e4)).toEqual([0, 1, 2, 3])
  expect(iterations).toBeLessThan(40)
})

test('ends where it can not go on, and says so', async () => {
  const unbounded: Objective = async ([x]) => ({ value: -x, gradient: [-1] })
  expect((await lbfgs(unbounded, new Float64Array([0]), { maxIterations: 3 })).converged).toBe(false)
  const nowhere: Objective = async () => ({ value: Number.NaN, gradient: [0] })
  await expect(lbfgs(nowhere, new Float64Array(1))).rejects.toThrow('expected a finite value at the start, got NaN')
})
