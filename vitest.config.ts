import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    // Rates and waits of real daemons are measured on machines that others use, too: a run in CI may measure again.
    retry: process.env.CI ? 2 : 0,
  },
});
