import { progress } from '../../stdlib/show/index.js'
import type { EmbedFilesOptions } from '../clip/journal.js'

/** Runs what embeds pictures, with a line of progress; pictures that can't be read are named. */
export async function embedding<T>(
  maxUnreadable: number,
  work: (options: EmbedFilesOptions) => Promise<T>,
): Promise<T> {
  let show: ReturnType<typeof progress> | undefined
  let last = 0
  try {
    return await work({
      maxUnreadable,
      onUnreadable(error) {
        process.stderr.write(`error: ${error.message}\n`)
      },
      onProgress(done, total) {
        if (!show) {
          show = progress({ total, unit: 'picture' })
          last = done // Those of a run before are no measure of speed.
        }
        if (done > last) show.update({ step: done, images: done - last })
        last = done
      },
    })
  } finally {
    show?.done()
  }
}
