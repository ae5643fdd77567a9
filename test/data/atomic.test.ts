import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { recoverFolder, saveFolder, writeFileAtomic } from '../../stdlib/checkpoint/index.js'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-atomic-'))
})
afterEach(() => rm(root, { recursive: true }))

const save = (folder: string, text: string): Promise<void> =>
  saveFolder(folder, async (draft) => {
    await writeFile(join(draft, 'a'), text)
    await mkdir(join(draft, 'deep'))
    await writeFile(join(draft, 'deep', 'b'), text)
  })
const read = (folder: string): Promise<string[]> =>
  Promise.all([readFile(join(folder, 'a'), 'utf8'), readFile(join(folder, 'deep', 'b'), 'utf8')])

describe('a file', () => {
  test('is replaced whole', async () => {
    const path = join(root, 'file')
    await writeFileAtomic(path, 'old')
    await writeFileAtomic(path, [new Uint8Array([110, 101]), new Uint8Array([119])])
    expect(await readFile(path, 'utf8')).toBe('new')
    expect(await readdir(root)).toEqual(['file'])
  })

  test.runIf(existsSync('/dev/full'))('survives a full disk', async () => {
    const path = join(root, 'file')
    await writeFileAtomic(path, 'old')
    await symlink('/dev/full', `${path}.tmp-${process.pid}`)
    const error = await writeFileAtomic(path, 'a new text').catch((err) => err)
    expect(error).toMatchObject({ code: 'save', cause: { code: 'ENOSPC' } })
    expect(error.message).toMatch(/file \(10 bytes to write, .* free\): no space left .*untouched\. Free some space/)
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(root)).toEqual(['file'])
  })

  test('says so where it cannot be', async () => {
    await expect(writeFileAtomic(join(root, 'no', 'file'), 'x')).rejects.toThrow(/cannot save .*ENOENT.*Check the path/)
  })
})

describe('a folder', () => {
  test('is replaced whole, and nothing is left beside it', async () => {
    const folder = join(root, 'last')
    await save(folder, 'one')
    await save(folder, 'two')
    expect(await read(folder)).toEqual(['two', 'two'])
    expect(await readdir(root)).toEqual(['last'])
  })

  test('stays as it was when a write fails half-way', async () => {
    const folder = join(root, 'last')
    await save(folder, 'one')
    const failing = saveFolder(folder, async (draft) => {
      await writeFile(join(draft, 'a'), 'two')
      throw Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC' })
    })
    await expect(failing).rejects.toThrow(/cannot save .*last \(3 bytes written, .* free\): no space left/)
    expect(await read(folder)).toEqual(['one', 'one'])
    expect(await readdir(root)).toEqual(['last'])
  })

  test.runIf(existsSync('/dev/full'))('names the file of it that found the disk full', async () => {
    const folder = join(root, 'last')
    await save(folder, 'one')
    const failing = saveFolder(folder, async (draft) => {
      await symlink('/dev/full', join(draft, `model.tmp-${process.pid}`))
      await writeFileAtomic(join(draft, 'model'), 'weights')
    })
    const error = await failing.catch((err) => err)
    expect(error).toMatchObject({ code: 'save', cause: { code: 'ENOSPC' } })
    expect(error.message).toContain(`cannot save ${join(folder, 'model')} (7 bytes to write`)
    expect(await read(folder)).toEqual(['one', 'one'])
  })

  test('comes back if the swap was interrupted between its renames', async () => {
    const folder = join(root, 'last')
    await save(folder, 'one')
    await rename(folder, `${folder}.replaced-by-save`)
    await recoverFolder(folder)
    expect(await read(folder)).toEqual(['one', 'one'])
  })

  test('is the new one if only the removal of the old was interrupted', async () => {
    const folder = join(root, 'last')
    await save(`${folder}.replaced-by-save`, 'one')
    await save(folder, 'two')
    await save(`${folder}.replaced-by-save`, 'one')
    await recoverFolder(folder)
    expect(await read(folder)).toEqual(['two', 'two'])
    expect(await readdir(root)).toEqual(['last'])
  })

  test('is cleared of the drafts of processes that no longer run', async () => {
    const folder = join(root, 'last')
    await mkdir(`${folder}.tmp-${2 ** 30}`)
    await mkdir(`${folder}.tmp-${process.ppid}`)
    await save(folder, 'one')
    expect((await readdir(root)).sort()).toEqual(['last', `last.tmp-${process.ppid}`])
  })
})
