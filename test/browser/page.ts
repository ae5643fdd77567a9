import { destroyDevice, getDevice, jit } from '../../index.js'
import { chain, chainArg, choices, scoreArgs, scoreGrads, step, stepArgs, steps } from './programs.js'

/** The script of the page: what the test calls in it. */
const page = {
  /** What the page is given, and what programs run on. */
  async device() {
    const { kind, description, backend } = (await getDevice()).info
    return { isolated: crossOriginIsolated, webgpu: 'gpu' in navigator, kind, description, backend }
  },

  /** Softmax of a product, and the gradients of a scalar of it. */
  async values() {
    const [x, w, y] = scoreArgs()
    const [dx, dw] = await jit(scoreGrads)(x, w, y)
    const results = [await jit(choices)(x, w), dx, dw]
    return Promise.all(results.map(async (result) => [...(await result.data())]))
  },

  /** Losses of a training run, its parameters and states given back to each step, then the parameters. */
  async train() {
    const run = jit(step, { donate: [0, 1] })
    let [params, state, x, y] = stepArgs()
    const losses = []
    for (let i = 0; i < steps; i++) {
      const [nextParams, nextState, loss] = await run(params, state, x, y)
      ;[params, state] = [nextParams, nextState]
      losses.push(await loss.item())
    }
    const leaves = [params.w1, params.b1, params.w2, params.b2]
    return { losses, params: await Promise.all(leaves.map(async (leaf) => [...(await leaf.data())])) }
  },

  /** How often a timer of this thread fires during one call: the first that takes 300 ms, or the largest. */
  async ticksWhileBusy() {
    const run = jit(chain)
    let ticks = 0
    for (const n of [128, 256, 512, 1024, 1440]) {
      const x = chainArg(n)
      await run.program(x)
      ticks = 0
      const timer = setInterval(() => ticks++, 1)
      const start = performance.now()
      await (await run(x)).data()
      clearInterval(timer)
      if (performance.now() - start > 300) break
    }
    return ticks
  },

  close: destroyDevice,
}
export type Page = typeof page

Object.assign(globalThis, { page })
