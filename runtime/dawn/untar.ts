const block = 512

/** The regular files of a tar archive (POSIX ustar, IEEE Std 1003.1 "pax", header blocks of 512 bytes). */
export function* untar(tar: Buffer): Generator<{ name: string; data: Buffer }> {
  const text = (from: number, length: number): string => tar.toString('latin1', from, from + length).split('\0')[0]
  for (let at = 0; at + block <= tar.length; ) {
    const name = text(at, 100)
    if (!name) return
    const size = Number.parseInt(text(at + 124, 12), 8)
    const type = text(at + 156, 1)
    if (type === '' || type === '0') yield { name, data: tar.subarray(at + block, at + block + size) }
    at += block + Math.ceil(size / block) * block
  }
}
