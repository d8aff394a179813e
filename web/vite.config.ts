import { gzipSync } from 'node:zlib'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const outDir = 'dist/app'

// Files that get smaller are kept compressed only: they are in the binary, and browsers unpack them.
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    closeBundle() {
      for (const file of readdirSync(outDir, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(html|js|css|svg)$/.test(file)) continue
        const path = join(outDir, file)
        writeFileSync(path + '.gz', gzipSync(readFileSync(path), { level: 9 }))
        rmSync(path)
      }
    },
  }
}

export default defineConfig({
  plugins: [react(), compress()],
  build: {
    outDir,
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy allows no fonts in styles
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { '/console': 'http://127.0.0.1:7420' } },
  test: { include: ['src/**/*.test.ts'] },
})
