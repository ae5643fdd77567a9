import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dtypes, promotion } from '../../compiler/ir/dtype.js'
import { root } from './entries.js'

test('the table of the page on dtypes is the one that decides; paste the new one when they differ', () => {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const table = [
    `|  | ${dtypes.join(' | ')} |`.replace('|  |', '| |'),
    row(['', ...dtypes].map(() => '---')),
    ...dtypes.map((a) => row([`**${a}**`, ...dtypes.map((b) => promotion[a][b] ?? '–')])),
  ].join('\n')
  expect(readFileSync(join(root, 'docs/dtypes.md'), 'utf8')).toContain(table)
})
