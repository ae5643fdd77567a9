import { readFile } from 'node:fs/promises'
import { FoveaError } from '../../index.js'
import type { AnyClip } from './checkpoint.js'
import { type Embeddings, embedTexts } from './embed.js'

/**
 * Reads prompt templates from a file: one a line, with `{}` where the class' name goes; empty lines and lines that begin with # are
 * passed over. Throws FoveaError 'input' naming file and line.
 *
 * @example
 * await writeFile('templates.txt', 'a photo of a {}.\na drawing of a {}.\n')
 * const templates = await readTemplates('templates.txt')
 */
export async function readTemplates(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((err: Error) => {
    throw new FoveaError('input', `cannot read templates from ${file}: ${err.message}; check the path`)
  })
  const templates = text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    if (!line.includes('{}'))
      throw new FoveaError('input', `${file}, line ${i + 1}: expected {} where the class' name goes, got '${line}'`)
    return [line]
  })
  if (templates.length === 0)
    throw new FoveaError('input', `${file} holds no templates: write one a line, such as 'a photo of a {}.'`)
  return templates
}

/**
 * One embedding a class: the mean of its prompts' embeddings, one prompt a template, brought to unit length.
 * Throws FoveaError 'input' for no class or no template. Source: Radford et al. 2021, section 3.1.4.
 *
 * @example
 * const rows = await classEmbeddings(await loadClip('checkpoints/clip'), ['cat', 'dog'], ['a photo of a {}.', 'a {}.'])
 */
export async function classEmbeddings(
  model: AnyClip,
  classes: readonly string[],
  templates: readonly string[] = ['a photo of a {}.'],
): Promise<Embeddings> {
  if (classes.length === 0 || templates.length === 0)
    throw new FoveaError('input', `expected classes and templates, got ${classes.length} and ${templates.length}`)
  const prompts = classes.flatMap((name) => templates.map((template) => template.replaceAll('{}', name)))
  const { data, width } = await embedTexts(model, prompts)
  const rows = new Float32Array(classes.length * width)
  classes.forEach((_, c) => {
    const row = rows.subarray(c * width, (c + 1) * width)
    for (let t = 0; t < templates.length; t++)
      for (let i = 0; i < width; i++) row[i] += data[(c * templates.length + t) * width + i]
    const length = Math.hypot(...row)
    for (let i = 0; i < width; i++) row[i] /= length
  })
  return { count: classes.length, width, data: rows }
}
