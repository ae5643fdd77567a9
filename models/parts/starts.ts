import { tensor } from '../../index.js'
import { key, normal } from '../../stdlib/random/index.js'

/** How one parameter starts: a normal distribution of this standard deviation, or a constant. */
export interface Start {
  readonly shape: readonly number[]
  readonly dtype: 'f32'
  readonly std?: number
  readonly value?: number
}
export const drawn = (shape: readonly number[], std: number): Start => ({ shape, dtype: 'f32', std })
export const constant = (shape: readonly number[], value: number): Start => ({ shape, dtype: 'f32', value })
/** A normalisation that begins as none. */
export const norm = (d: number) => ({ bias: constant([d], 0), weight: constant([d], 1) })

/** New parameters: one draw of normal numbers, shared out in the tree's order, so a seed gives the same model everywhere. */
export async function drawParams(template: unknown, seed: number): Promise<unknown> {
  const numbers = (s: Start): number => s.shape.reduce((a, b) => a * b, 1)
  let total = 0
  mapStarts(template, (s) => {
    if (s.std) total += numbers(s)
    return undefined
  })
  const draw = normal(key(seed), [total])
  const z = await draw.data()
  draw.dispose()
  let at = 0
  return mapStarts(template, (s) => {
    const n = numbers(s)
    const data = new Float32Array(n).fill(s.value ?? 0)
    if (s.std) {
      for (let i = 0; i < n; i++) data[i] = z[at + i] * s.std
      at += n
    }
    return tensor(data, s.shape)
  })
}

function mapStarts(node: unknown, f: (s: Start) => unknown): unknown {
  if (Array.isArray(node)) return node.map((x) => mapStarts(x, f))
  if (typeof node === 'object' && node !== null && 'shape' in node) return f(node as Start)
  return Object.fromEntries(Object.entries(node as object).map(([name, x]) => [name, mapStarts(x, f)]))
}
