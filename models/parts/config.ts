import { FoveaError } from '../../index.js'
import { type Activation, activations } from './transformer.js'

/** What config.json says of a transformer. */
export interface TowerConfig {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly hidden_act: Activation
  readonly layer_norm_eps: number
}

export type Json = Readonly<Record<string, unknown>>
export type Fail = (what: string) => never
export const failing =
  (file: string): Fail =>
  (what) => {
    throw new FoveaError('input', `${file}: ${what}`)
  }

export function record(x: unknown, name: string, fail: Fail): Json {
  return typeof x === 'object' && x !== null && !Array.isArray(x)
    ? (x as Json)
    : fail(`expected an object ${name}, got ${JSON.stringify(x)}`)
}

/** A tower's settings, Hugging Face's defaults filled in. */
export function section<T extends TowerConfig>(given: Json, defaults: object, name: string, fail: Fail): T {
  const out = { ...defaults } as Record<string, unknown>
  for (const [field, standard] of Object.entries(defaults)) {
    const value = given[field] ?? standard
    if (typeof value !== typeof standard)
      fail(`expected a ${typeof standard} ${name}${field}, got ${JSON.stringify(value)}`)
    out[field] = value
  }
  if (!Object.hasOwn(activations, String(out.hidden_act)))
    fail(
      `expected ${name}hidden_act ${Object.keys(activations)
        .map((act) => `"${act}"`)
        .join(' or ')}, got ${JSON.stringify(out.hidden_act)}`,
    )
  if ((out.hidden_size as number) % (out.num_attention_heads as number) !== 0)
    fail(`${name}hidden_size ${out.hidden_size} is not a multiple of num_attention_heads ${out.num_attention_heads}`)
  return out as unknown as T
}

/** Refuses pictures that are no whole number of patches. */
export function wholePatches<T extends { readonly image_size: number; readonly patch_size: number }>(
  vision: T,
  name: string,
  fail: Fail,
): T {
  if (vision.image_size % vision.patch_size !== 0)
    fail(`${name}image_size ${vision.image_size} is not a multiple of patch_size ${vision.patch_size}`)
  return vision
}

export function number(given: Json, name: string, standard: number, fail: Fail): number {
  const value = given[name] ?? standard
  return typeof value === 'number' ? value : fail(`expected a number ${name}, got ${JSON.stringify(value)}`)
}
export const wrongKind = (expected: string, top: Json): string =>
  `expected "model_type": ${expected}, got ${JSON.stringify(top.model_type)}; this folder holds another kind of model`
