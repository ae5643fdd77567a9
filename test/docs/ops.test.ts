import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './entries.js'
import { opsPage } from './ops.js'

test('docs/ops.md says what the records say; -u writes it anew', async () => {
  await expect(opsPage()).toMatchFileSnapshot(join(root, 'docs/ops.md'))
})
