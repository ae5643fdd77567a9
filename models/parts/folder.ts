import { readFile, writeFile } from 'node:fs/promises'
import { FoveaError, tensor } from '../../index.js'
import type { HostTensor } from '../../stdlib/checkpoint/index.js'

/** A tree of host tensors as a tree of tensors. */
export function hostToParams<P>(tree: unknown): P {
  const build = (node: unknown): unknown => {
    if (node === null) return null
    if (Array.isArray(node)) return node.map(build)
    const host = node as HostTensor
    if (ArrayBuffer.isView(host.data)) return tensor(host.data, host.shape, host.dtype === 'u8' ? 'u32' : host.dtype)
    return Object.fromEntries(Object.entries(node as object).map(([name, x]) => [name, build(x)]))
  }
  return build(tree) as P
}

/** A folder's JSON file. Throws FoveaError 'input' when it is missing or no JSON. */
export async function readJson(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    throw new FoveaError(
      'input',
      `cannot read ${file}: ${(err as Error).message}; expected a model's folder in Hugging Face's layout`,
      undefined,
      { cause: err },
    )
  }
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new FoveaError('input', `${file} is not JSON: ${(err as Error).message}`, undefined, { cause: err })
  }
}

export const writeJson = (file: string, content: unknown): Promise<void> =>
  writeFile(file, `${JSON.stringify(content, null, 2)}\n`)
