import { tmpdir } from 'node:os'
import { defineConfig } from 'vitest/config'

// Processes, not threads: a Vulkan driver is added through the environment and dlopen, which belong to the process.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', './test/plain-reporter.ts'],
    env: {
      // The IR is checked after every pass.
      FOVEA_VERIFY: '1',
      // Vulkan loaders warn when there is none.
      XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
    },
  },
})
