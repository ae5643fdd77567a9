import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'

/**
 * Saves that are whole or not at all: what is new is written aside, forced to the disk, and renamed over what is old.
 * A rename within a folder is atomic (POSIX rename(2)), so no moment has half a checkpoint under its name.
 */

/**
 * Writes a file so that `path` holds either its old content or all of the new one.
 *
 * @param content text, or the bytes in pieces
 * @throws FoveaError 'save' if it can't be written; the old file is then as it was
 */
export async function writeFileAtomic(path: string, content: string | readonly Uint8Array[]): Promise<void> {
  const chunks = typeof content === 'string' ? [new TextEncoder().encode(content)] : content
  const draft = `${path}.tmp-${process.pid}`
  try {
    const handle = await open(draft, 'w')
    try {
      for (const chunk of chunks) await handle.writeFile(chunk)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, path)
    await syncFolder(dirname(path))
  } catch (err) {
    await rm(draft, { force: true })
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    throw await saveError(path, err, `${showBytes(bytes)} to write`)
  }
}

/**
 * Saves a folder of several files, all or none of them. `write` fills the empty folder it is given; then that folder takes
 * the place of `folder`. If `write` throws, or the machine stops at any moment, the old folder is still there
 * (after {@link recoverFolder}, if it stopped during the swap).
 *
 * @throws FoveaError 'save' if anything can't be written; the old folder is then as it was
 * @example
 * await saveFolder('checkpoints/last', async (draft) => {
 *   await writeSafetensors(join(draft, 'model.safetensors'), await toStateDict(params))
 *   await writeTokenizer(draft, tokenizer)
 * })
 */
export async function saveFolder(folder: string, write: (draft: string) => Promise<void>): Promise<void> {
  const target = resolve(folder)
  const draft = `${target}.tmp-${process.pid}`
  const old = aside(target)
  try {
    await recoverFolder(target)
    await removeAbandoned(target)
    await rm(draft, { recursive: true, force: true })
    await mkdir(draft, { recursive: true })
    await write(draft)
    await syncTree(draft)
    if (await exists(target)) await rename(target, old)
    await rename(draft, target)
    await syncFolder(dirname(target))
  } catch (err) {
    const written = await treeSize(draft)
    await rm(draft, { recursive: true, force: true })
    await recoverFolder(target)
    // A file of the draft: to the caller it is a file of the folder.
    if (err instanceof FoveaError)
      throw new FoveaError(err.code, err.message.replaceAll(draft, folder), undefined, { cause: err.cause ?? err })
    const isFromSystem = typeof (err as NodeJS.ErrnoException).code === 'string'
    throw isFromSystem ? await saveError(folder, err, `${showBytes(written)} written`) : err
  }
  await rm(old, { recursive: true, force: true })
}

/** Where the old folder waits during the swap: a name that nobody gives a folder of their own, for it will be removed. */
const aside = (target: string): string => `${target}.replaced-by-save`

/**
 * Mends what a save left that was stopped during its swap: brings the old folder back if the new one had not yet come,
 * removes it if it had. Does nothing otherwise. Call it before a checkpoint folder is read, but not while another process
 * saves it.
 */
export async function recoverFolder(folder: string): Promise<void> {
  const target = resolve(folder)
  const old = aside(target)
  if (!(await exists(old))) return
  if (await exists(target)) await rm(old, { recursive: true, force: true })
  else await rename(old, target)
}

/** Drafts of processes that no longer run would fill the disk, one a crash. */
async function removeAbandoned(target: string): Promise<void> {
  const prefix = `${basename(target)}.tmp-`
  for (const name of await readdir(dirname(target)).catch(() => [])) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN
    if (Number.isInteger(pid) && !isRunning(pid))
      await rm(join(dirname(target), name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function saveError(path: string, err: unknown, amount: string): Promise<FoveaError> {
  const { code, message } = err as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const free = await statfs(dirname(resolve(path))).catch(() => undefined)
  const space = free ? `, ${showBytes(free.bavail * free.bsize)} free` : ''
  const why = full ? 'no space left on the disk' : message
  const todo = full ? 'Free some space, or save elsewhere' : 'Check the path, its permissions and the disk'
  return new FoveaError(
    'save',
    `cannot save ${path} (${amount}${space}): ${why}. What was saved there before is untouched. ${todo}.`,
    undefined,
    { cause: err },
  )
}

const showBytes = (n: number): string =>
  n < 1000
    ? `${n} bytes`
    : n < 1e6
      ? `${(n / 1e3).toFixed(1)} kB`
      : n < 1e9
        ? `${(n / 1e6).toFixed(1)} MB`
        : `${(n / 1e9).toFixed(1)} GB`

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await syncTree(path)
    else await sync(path)
  }
  await syncFolder(folder)
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a rename within the folder last. Windows has no such call and refuses. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function treeSize(folder: string): Promise<number> {
  let sum = 0
  for (const name of await readdir(folder, { recursive: true }).catch(() => []))
    sum += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0
  return sum
}
