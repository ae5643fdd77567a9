import { createReadStream } from 'node:fs'
import { appendFile, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { FoveaError } from '../../index.js'
import type { PictureFile } from '../../stdlib/data/index.js'
import type { AnyClip } from './checkpoint.js'
import { embedImages } from './embed.js'
import { fingerprint } from './fingerprint.js'

export interface EmbedFilesOptions {
  /** Pictures that may be unreadable; one more ends it all. 100 by default. */
  readonly maxUnreadable?: number
  /** Called for each picture that can't be read. */
  readonly onUnreadable?: (error: FoveaError) => void
  /** Called as rows come; `done` counts pictures of which there is a row, those kept from a run before too. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface EmbeddedFiles {
  /** By picture; those that can't be read are missing. */
  readonly rows: ReadonlyMap<string, Float32Array>
  readonly unreadable: readonly string[]
  /** Rows that an interrupted run had made. */
  readonly kept: number
}

/**
 * Embeds pictures and writes each row to a journal as it is made: a line a picture, with the model's digest and the file's size and time, so
 * that a run that was stopped goes on, and rows of another model or of a picture that has changed since are made anew. A line is
 * appended in one piece; one cut off is passed over. Who has saved the rows elsewhere removes the journal.
 */
export async function embedFiles(
  model: AnyClip,
  files: readonly PictureFile[],
  journal: string,
  { maxUnreadable = 100, onUnreadable, onProgress }: EmbedFilesOptions = {},
): Promise<EmbeddedFiles> {
  const digest = await fingerprint(model)
  const rows = await readJournal(journal, digest, files, model.config.projection_dim)
  const kept = rows.size
  const missing = files.filter(({ image }) => !rows.has(image))
  // Says at once if nothing can be written, and ends a line that was cut off.
  await append(journal, '\n')
  onProgress?.(kept, files.length)
  let failed = 0
  const embedded = embedImages(
    model,
    missing.map(({ image }) => image),
    {
      onUnreadable(error) {
        failed++
        onUnreadable?.(error)
        if (failed > maxUnreadable)
          throw new FoveaError('input', `${failed} pictures can't be read, and at most ${maxUnreadable} may be`)
      },
    },
  )
  const byName = new Map(files.map((file) => [file.image, file]))
  let lines: string[] = []
  const flush = async (): Promise<void> => {
    await append(journal, lines.join(''))
    lines = []
    onProgress?.(rows.size, files.length)
  }
  try {
    for await (const { image, embedding } of embedded) {
      rows.set(image, embedding)
      const { size, mtime } = byName.get(image)!
      const row = Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength).toString('base64')
      lines.push(`${JSON.stringify({ digest, image, size, mtime, row })}\n`)
      if (lines.length === 16) await flush()
    }
  } finally {
    // What was made before an error is kept; of nothing, no file.
    if (lines.length > 0) await flush()
    if (rows.size === 0) await rm(journal, { force: true })
  }
  return { rows, unreadable: files.flatMap(({ image }) => (rows.has(image) ? [] : [image])), kept }
}

async function append(journal: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(journal), { recursive: true })
    await appendFile(journal, text)
  } catch (err) {
    throw new FoveaError(
      'save',
      `cannot write ${journal}: ${(err as Error).message}. Check the path and its permissions.`,
    )
  }
}

async function readJournal(
  journal: string,
  digest: string,
  files: readonly PictureFile[],
  width: number,
): Promise<Map<string, Float32Array>> {
  const wanted = new Map(files.map((file) => [file.image, file]))
  const rows = new Map<string, Float32Array>()
  try {
    for await (const line of createInterface({ input: createReadStream(journal), crlfDelay: Infinity })) {
      const entry = parsed(line)
      const file = wanted.get(entry?.image as string)
      if (!entry || entry.digest !== digest || entry.size !== file?.size || entry.mtime !== file?.mtime) continue
      const bytes = Buffer.from(String(entry.row), 'base64')
      const row = bytes.length === 4 * width ? new Float32Array(new Uint8Array(bytes).buffer) : undefined
      if (row && Math.abs(Math.hypot(...row) - 1) < 1e-3) rows.set(file!.image, row)
    }
  } catch (err) {
    // A folder that isn't there, or can't be, is told when it is written to.
    if (!['ENOENT', 'ENOTDIR'].includes((err as NodeJS.ErrnoException).code!))
      throw new FoveaError('input', `cannot read ${journal}: ${(err as Error).message}. Remove it to begin anew.`)
  }
  return rows
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
