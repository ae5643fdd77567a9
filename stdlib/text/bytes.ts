/**
 * GPT-2's printable stand-ins for the 256 bytes (openai/gpt-2, encoder.py): the printable Latin-1 characters stand for
 * themselves, the others for the characters from U+0100 on. In the order of CLIP's vocabulary.
 */
export function byteSymbols(): { readonly ordered: readonly string[]; readonly ofByte: readonly string[] } {
  const isPrintable = (b: number): boolean => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xff && b !== 0xad)
  const bytes = Array.from({ length: 256 }, (_, b) => b)
  const printable = bytes.filter(isPrintable)
  const others = bytes.filter((b) => !isPrintable(b))
  const ofByte: string[] = []
  for (const b of printable) ofByte[b] = String.fromCodePoint(b)
  others.forEach((b, i) => {
    ofByte[b] = String.fromCodePoint(0x100 + i)
  })
  return { ordered: [...printable, ...others].map((b) => ofByte[b]), ofByte }
}
