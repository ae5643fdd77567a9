import { Tokenizer as Engine } from '@huggingface/tokenizers'
import { FoveaError } from '../../compiler/trace/error.js'

/** Token ids and what they stand for, padded to one length: both [texts, length], row-major. */
export interface Encoded {
  readonly ids: Int32Array
  /** 1 for tokens, 0 for padding. */
  readonly mask: Int32Array
  readonly shape: readonly [number, number]
}

export interface EncodeOptions {
  /** Longer texts are cut so that the special tokens at their ends stay. The model's own limit if left out. */
  readonly maxLength?: number
  /** Pad to the longest text (the default) or always to `maxLength`, so that compiled shapes stay the same. */
  readonly padding?: 'longest' | 'max_length'
}

export interface Tokenizer {
  /** How many ids there are, added tokens included. */
  readonly vocabSize: number
  /** The longest text the model takes, in tokens. */
  readonly maxLength: number
  readonly bosId: number | undefined
  readonly eosId: number | undefined
  readonly padId: number
  encode(texts: readonly string[], options?: EncodeOptions): Encoded
  /** Ids to text; special tokens are left out. */
  decode(ids: readonly number[] | Int32Array): string
  /** The id of one token, such as '<image>'. */
  id(token: string): number | undefined
  /** The contents of tokenizer.json and tokenizer_config.json. */
  readonly files: TokenizerFiles
}

export interface TokenizerFiles {
  readonly tokenizer: TokenizerJson
  readonly config: TokenizerConfig
}

/** The parts of tokenizer.json that are read here; the tokenizers package reads the rest. */
export interface TokenizerJson {
  readonly model: {
    /** Ids by token; of a unigram model, as SigLIP has it, a list of tokens with their scores. */
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[]
    readonly merges?: readonly unknown[]
  }
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[]
  readonly normalizer?: Normalizer | null
}

interface Normalizer {
  readonly type: string
  readonly lowercase?: boolean
  readonly normalizers?: readonly Normalizer[]
}

type Token = string | { readonly content: string } | null

/** The parts of tokenizer_config.json that are read here, and the class that transformers looks for. */
export interface TokenizerConfig {
  readonly model_max_length?: number
  readonly padding_side?: 'left' | 'right'
  readonly bos_token?: Token
  readonly eos_token?: Token
  readonly unk_token?: Token
  readonly pad_token?: Token
  readonly tokenizer_class?: string
}

/**
 * A tokenizer from the contents of its two files. No I/O, so it works in a browser.
 *
 * @throws FoveaError 'input' if the files don't belong together
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const { config } = files
  const engine = new Engine(files.tokenizer, config)
  const idOf = (token: Token | undefined): number | undefined => {
    const content = typeof token === 'string' ? token : token?.content
    return content === undefined ? undefined : engine.token_to_id(content)
  }
  const eosId = idOf(config.eos_token)
  // A tokenizer without a padding token pads with the end token: both are masked out.
  const padId = idOf(config.pad_token) ?? eosId
  if (padId === undefined)
    throw new FoveaError(
      'input',
      `tokenizer_config.json: expected pad_token or eos_token to be in the vocabulary, got ${JSON.stringify(config.pad_token)} and ${JSON.stringify(config.eos_token)}`,
    )
  const limit = config.model_max_length ?? Number.POSITIVE_INFINITY
  // Hugging Face's engine lowers each letter by itself, JavaScript a sigma by its place in the word: Unicode, Final_Sigma.
  const capitalSigma = lowersCase(files.tokenizer.normalizer)

  const encode = (
    texts: readonly string[],
    { maxLength = limit, padding = 'longest' }: EncodeOptions = {},
  ): Encoded => {
    const fixed = padding === 'max_length'
    if (fixed && !(maxLength < 1e9))
      throw new FoveaError('input', 'encode: the tokenizer has no length limit: give maxLength to pad to')
    const rows = texts.map((text) => truncate(engine, capitalSigma ? text.replaceAll('Σ', 'σ') : text, maxLength))
    const length = fixed ? maxLength : rows.reduce((most, row) => Math.max(most, row.length), 0)
    const ids = new Int32Array(rows.length * length).fill(padId)
    const mask = new Int32Array(ids.length)
    rows.forEach((row, i) => {
      const at = i * length + (config.padding_side === 'left' ? length - row.length : 0)
      ids.set(row, at)
      mask.fill(1, at, at + row.length)
    })
    return { ids, mask, shape: [rows.length, length] }
  }

  const vocab = engine.get_vocab(true)
  let vocabSize = 0
  for (const id of vocab.values()) vocabSize = Math.max(vocabSize, id + 1)
  return {
    vocabSize,
    maxLength: limit,
    bosId: idOf(config.bos_token),
    eosId,
    padId,
    encode,
    decode: (ids) => (ids.length === 0 ? '' : engine.decode([...ids], { skip_special_tokens: true })),
    id: (token) => engine.token_to_id(token),
    files,
  }
}

const lowersCase = (normalizer: Normalizer | null | undefined): boolean =>
  normalizer?.type === 'Lowercase' || normalizer?.lowercase === true || !!normalizer?.normalizers?.some(lowersCase)

/** The ids of a text, cut to `maxLength`: the text's own tokens give way, those that frame it stay. */
function truncate(engine: Engine, text: string, maxLength: number): number[] {
  const ids: number[] = engine.encode(text).ids
  if (ids.length <= maxLength) return ids
  const plain: number[] = engine.encode(text, { add_special_tokens: false }).ids
  const frame = ids.length - plain.length
  if (frame > maxLength)
    throw new FoveaError('input', `encode: maxLength ${maxLength} leaves no room for the ${frame} special tokens`)
  let before = 0
  while (before < frame && !plain.every((id, i) => ids[before + i] === id)) before++
  const after = frame - before
  const kept = plain.slice(0, maxLength - frame)
  return [...ids.slice(0, before), ...kept, ...ids.slice(ids.length - after)]
}
