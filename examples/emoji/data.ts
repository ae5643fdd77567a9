import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

export const vendors = ['twitter', 'google'] as const
export type Vendor = (typeof vendors)[number]

interface Emoji {
  readonly name: string | null
  readonly short_names: readonly string[]
  readonly image: string
  readonly has_img_twitter: boolean
  readonly has_img_google: boolean
}

const packageOf = (vendor: Vendor): string => join(import.meta.dirname, 'node_modules', `emoji-datasource-${vendor}`)

/**
 * A folder of one vendor's drawings on white, with captions: the emoji's Unicode name and its keywords. Both vendors' folders have the
 * same emoji under the same file names.
 */
export async function prepare(vendor: Vendor, folder: string): Promise<void> {
  const captions = join(folder, 'captions.jsonl')
  if (existsSync(captions)) return
  const source = packageOf(vendor)
  const json = await readFile(join(source, 'emoji.json'), 'utf8').catch(() => {
    throw new Error(`the pictures are not installed: npm ci --prefix examples/emoji`)
  })
  const emoji = (JSON.parse(json) as Emoji[]).filter((e) => e.has_img_twitter && e.has_img_google)
  await mkdir(join(folder, 'images'), { recursive: true })
  const lines: string[] = []
  for (const { image, ...e } of emoji) {
    await sharp(join(source, 'img', vendor, '64', image))
      .flatten({ background: '#fff' })
      .toFile(join(folder, 'images', image))
    lines.push(JSON.stringify({ image: `images/${image}`, caption: captionOf(e) }))
  }
  await writeFile(captions, `${lines.join('\n')}\n`)
}

function captionOf({ name, short_names }: Pick<Emoji, 'name' | 'short_names'>): string {
  const words = [name?.toLowerCase() ?? '', ...short_names].map((text) => text.replace(/[_-]+/g, ' ').trim())
  return [...new Set(words.filter(Boolean))].join(', ')
}
