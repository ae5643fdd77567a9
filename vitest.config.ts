import { tmpdir } from 'node:os'
import { defineConfig } from 'vitest/config'

/** Tests that run programs on a device. They run twice: as WebAssembly on the CPU, and through Dawn on a software GPU. */
const onDevice = [
  'ops/',
  'device/',
  'golden/kernels-classes',
  'laws/dtype',
  'laws/kernel-shapes',
  'laws/passes-jit',
  'laws/jax-functions',
  'models/{accumulate,agree,clip-golden,resnet-golden,siglip,train}',
  'stdlib/',
]

// Processes, not threads: a Vulkan driver is added through the environment and dlopen, which belong to the process.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', './test/plain-reporter.ts'],
    env: {
      // The IR is checked after every pass.
      FOVEA_VERIFY: '1',
      // Nothing depends on what was compiled before.
      FOVEA_CACHE: 'off',
      // Vulkan loaders warn when there is none.
      XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
    },
    projects: [
      { extends: true, test: { name: 'cpu', include: ['test/**/*.test.ts'], env: { FOVEA_DEVICE: 'cpu' } } },
      {
        extends: true,
        test: {
          name: 'webgpu',
          include: onDevice.map((part) => `test/${part}*.test.ts`),
          env: { FOVEA_DEVICE: process.env.FOVEA_TEST_GPU ?? 'swiftshader' },
        },
      },
    ],
  },
})
