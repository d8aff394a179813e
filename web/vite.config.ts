import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

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

// The global styles carry their fonts within them. As files they are read once, and need no exception in the
// content security policy.
function fontsAsFiles(): Plugin {
  return {
    name: 'fonts-as-files',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      if (!id.includes('global-styles/index.css')) return null
      return code.replace(/data:font\/woff2;[^,)]*base64,([A-Za-z0-9+/=]+)/g, (_, data: string) => {
        const source = Buffer.from(data, 'base64')
        const fileName = `assets/font-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.woff2`
        this.emitFile({ type: 'asset', fileName, source })
        return '/' + fileName
      })
    },
  }
}

export default defineConfig({
  plugins: [react(), fontsAsFiles(), compress()],
  build: {
    outDir,
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy allows no fonts in styles
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { '/console': process.env.SLIPWAY ?? 'http://127.0.0.1:7420' } },
})
