import { FoveaError } from '../../compiler/trace/error.js'
import { trainMerges, type Word } from './bpe.js'
import { byteSymbols } from './bytes.js'
import { createTokenizer, type Tokenizer } from './tokenizer.js'

const bos = '<|startoftext|>'
const eos = '<|endoftext|>'
const endOfWord = '</w>'
/** CLIP's word splitting (openai/CLIP, simple_tokenizer.py). */
const wordPattern = String.raw`<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`

export interface TrainBpeOptions {
  /** Ids at most, the 512 byte symbols and two special tokens among them; fewer if the captions give no more pairs. */
  readonly vocabSize: number
  /** The longest text of the model to be trained, in tokens, special ones included. */
  readonly maxLength: number
}

/**
 * Trains a tokenizer of CLIP's kind on captions: lower-cased, byte-level BPE whose words end in `</w>`. Any text can be
 * encoded with it, whatever it was trained on. The ids: 256 bytes, 256 bytes that end a word, the merges in order,
 * `<|startoftext|>`, `<|endoftext|>`. Equal captions give an equal tokenizer.
 *
 * @throws FoveaError 'input' if `vocabSize` leaves no room for the 514 ids that every such tokenizer has
 * @example
 * const tokenizer = trainBpe(['a red circle', 'a blue square'], { vocabSize: 1024, maxLength: 16 })
 * tokenizer.encode(['a red square']).shape // [1, 5]
 */
export function trainBpe(captions: readonly string[], { vocabSize, maxLength }: TrainBpeOptions): Tokenizer {
  const { ordered, ofByte } = byteSymbols()
  const symbols = [...ordered, ...ordered.map((s) => s + endOfWord)]
  const room = vocabSize - symbols.length - 2
  if (!Number.isInteger(vocabSize) || room < 0)
    throw new FoveaError('input', `trainBpe: expected vocabSize to be a whole number of at least 514, got ${vocabSize}`)
  if (!Number.isInteger(maxLength) || maxLength < 2)
    throw new FoveaError('input', `trainBpe: expected maxLength to be a whole number of at least 2, got ${maxLength}`)

  const ids = new Map(symbols.map((s, id) => [s, id]))
  const merges = trainMerges(countWords(captions, ids, ofByte), room, (left, right) => {
    const text = symbols[left] + symbols[right]
    const known = ids.get(text)
    if (known !== undefined) return { id: known, isNew: false }
    ids.set(text, symbols.length)
    return { id: symbols.push(text) - 1, isNew: true }
  }).map(([left, right]) => [symbols[left], symbols[right]] as const)
  const vocab = Object.fromEntries([...symbols, bos, eos].map((s, id) => [s, id]))
  return createTokenizer({
    tokenizer: tokenizerJson(vocab, merges),
    config: {
      bos_token: bos,
      eos_token: eos,
      unk_token: eos,
      pad_token: eos,
      model_max_length: maxLength,
      tokenizer_class: 'CLIPTokenizer',
    },
  })
}

/** The captions' unique words: training walks these, not the text. */
function countWords(
  captions: readonly string[],
  ids: ReadonlyMap<string, number>,
  ofByte: readonly string[],
): readonly Word[] {
  const counts = new Map<string, number>()
  const words = new RegExp(wordPattern, 'gu')
  for (const caption of captions)
    for (const [word] of caption.normalize('NFC').toLowerCase().matchAll(words))
      counts.set(word, (counts.get(word) ?? 0) + 1)
  counts.delete(bos)
  counts.delete(eos)
  const utf8 = new TextEncoder()
  return [...counts].map(([word, count]) => {
    const symbols = Array.from(utf8.encode(word), (byte) => ofByte[byte])
    symbols[symbols.length - 1] += endOfWord
    return { symbols: symbols.map((s) => ids.get(s)!), count }
  })
}

/** The tokenizer.json that transformers writes for a CLIPTokenizer. */
function tokenizerJson(vocab: Readonly<Record<string, number>>, merges: readonly (readonly [string, string])[]) {
  const special = [bos, eos].map((content) => ({
    id: vocab[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }))
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: wordPattern }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [eos, vocab[eos]],
      cls: [bos, vocab[bos]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: eos,
      continuing_subword_prefix: '',
      end_of_word_suffix: endOfWord,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  }
}
