import { defineConfig } from 'vitest/config'

// Processes, not threads: a Vulkan driver is added through the environment and dlopen, which belong to the process.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
