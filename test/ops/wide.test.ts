import { afterAll, test } from 'vitest'
import { add, concat, destroyDevice, grad, mul, stack, sum, type Tensor, tensor } from '../../index.js'
import { checkJit } from '../../stdlib/testing/index.js'

afterAll(destroyDevice)

type Any = Tensor<any, 'f32'>
const arrays = Array.from({ length: 24 }, (_, i) => tensor([i, i + 1, i * i]) as Any)

/** More arrays than a kernel binds: the program is split where it must be. */
test('sums, concatenations and stacks of many arrays', async () => {
  await checkJit((...xs: Any[]) => xs.reduce((a, b) => add(a, b) as Any), arrays)
  await checkJit(
    (...xs: Any[]) => xs.map((x, i) => mul(x, i + 1) as Any).reduce((a, b) => add(mul(a, 0.5) as Any, b) as Any),
    arrays,
  )
  await checkJit((...xs: Any[]) => concat(xs, 0), arrays)
  await checkJit((...xs: Any[]) => stack(xs, 1), arrays)
  await checkJit(
    (...xs: Any[]) =>
      grad(((...ys: Any[]) => sum(mul(concat(ys, 0) as Any, concat(ys, 0) as Any) as Any)) as any, {
        argnums: [0, 23],
      })(...xs),
    arrays,
  )
})
