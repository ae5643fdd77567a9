import sharp, { type OverlayOptions } from 'sharp'
import { type Clip, searchIndex, updateIndex } from '../../models/clip/index.js'
import { escapeXml } from '../../stdlib/show/index.js'

const queries = ['smiling cat', 'red heart', 'pizza', 'rocket', 'airplane', 'grapes', 'soccer ball', 'frog']
const [cell, top, label] = [56, 8, 120]

/** Draws what a search of `pictures` finds for some words, the best first. Returns the PNG's path. */
export async function drawGallery(clip: Clip, pictures: string, index: string, file: string): Promise<string> {
  const found = await updateIndex(index, clip, [pictures])
  const [width, height] = [label + top * cell, queries.length * cell]
  const parts: OverlayOptions[] = []
  for (const [row, text] of queries.entries()) {
    const words = `<svg width="${label}" height="${cell}"><text x="8" y="${cell / 2 + 5}" font-size="14" font-family="sans-serif">${escapeXml(text)}</text></svg>`
    parts.push({ input: Buffer.from(words), left: 0, top: row * cell })
    const hits = await searchIndex(found, clip, { text }, top)
    for (const [column, { image }] of hits.entries()) {
      const input = await sharp(image)
        .resize(cell - 8)
        .toBuffer()
      parts.push({ input, left: label + column * cell + 4, top: row * cell + 4 })
    }
  }
  await sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite(parts)
    .png({ palette: true })
    .toFile(file)
  return file
}
