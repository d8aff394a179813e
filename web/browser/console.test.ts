import { withBrowser } from './world'

withBrowser()

// In this order: the first finds an empty home page, and others find what it leaves.
await import('./image')
await import('./signin')
await import('./service')
await import('./failure')
await import('./code')
await import('./pages')
