import { describe, expect, test } from 'vitest'
import { arrayTensor, setRuntimeHooks, type TypedArray } from '../../compiler/trace/tensor.js'
import { fromStateDict, type HostTensor, toStateDict } from '../../stdlib/checkpoint/index.js'

setRuntimeHooks({
  print() {},
  read: async (x) => {
    if (x.node.kind !== 'array') throw new Error('expected an array')
    return x.node.storage.read()
  },
})
const array = (data: TypedArray, shape: number[], dtype: 'f32' | 'i32' = 'f32') =>
  arrayTensor({ shape, dtype, read: async () => data, dispose: () => {}, disposed: false })

const params = {
  tower: { layers: [{ w: array(new Float32Array([1, 2]), [2]) }, { w: array(new Float32Array([3, 4]), [2]) }] },
  heads: 4,
  steps: array(new Int32Array([7]), [], 'i32'),
}
const template = {
  tower: { layers: [{ w: { shape: [2], dtype: 'f32' } }, { w: { shape: [2], dtype: 'f32' } }] },
  heads: 4,
  steps: { shape: [], dtype: 'i32' },
} as const

describe('state dicts', () => {
  test('name tensors by their paths, and give the tree back', async () => {
    const state = await toStateDict(params)
    expect([...state.keys()]).toEqual(['tower.layers.0.w', 'tower.layers.1.w', 'steps'])
    expect(state.get('steps')).toEqual({ shape: [], dtype: 'i32', data: new Int32Array([7]) })
    const tree = fromStateDict(template, state)
    expect(tree.heads).toBe(4)
    expect(tree.tower.layers[1].w.data).toEqual(new Float32Array([3, 4]))
    expect(fromStateDict(params, state).steps.data).toEqual(new Int32Array([7]))
  })

  test('every key is taken, ignored by name, or in one error', async () => {
    const f32 = (...shape: number[]): HostTensor => ({ shape, dtype: 'f32', data: new Float32Array(shape[0] ?? 1) })
    const state = new Map([
      ['tower.layers.0.w', f32(3)],
      ['steps', f32()],
      ['tower.position_ids', f32(5)],
      ['tower.bias', f32(6)],
    ])
    const error = (() => {
      try {
        fromStateDict(template, state, { ignore: [/position_ids$/g] })
      } catch (err) {
        return err as Error
      }
    })()
    expect(error).toMatchObject({ code: 'checkpoint' })
    expect(error!.message).toBe(`the checkpoint does not fit the model:
  1 missing:
    tower.layers.1.w f32 [2]
  1 unexpected:
    tower.bias f32 [6]
  2 of the wrong shape or type:
    tower.layers.0.w: expected f32 [2], found f32 [3]
    steps: expected i32 [], found f32 []
Check that the config belongs to these weights; keys that aren't wanted can be ignored by name.`)
  })
})
