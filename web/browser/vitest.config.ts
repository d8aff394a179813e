import { defineConfig } from 'vitest/config'

// These tests need a running Slipway: test/console_test.go starts one and them.
export default defineConfig({
  test: {
    dir: 'browser',
    include: ['**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    sequence: { concurrent: false },
    reporters: [['verbose', { summary: false }]],
    bail: 0,
  },
})
