import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'

function need(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run these tests with go test ./test -run TestConsole`)
  return value
}

// What test/console_test.go has made.
export const world = {
  url: need('SLIPWAY_URL'),
  keyID: need('SLIPWAY_KEY_ID'),
  secret: need('SLIPWAY_KEY_SECRET'),
  git: need('SLIPWAY_GIT'),
  folder: need('SLIPWAY_FOLDER'),
  screenshots: need('SLIPWAY_SCREENSHOTS'),
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let browser: Browser
let contexts: BrowserContext[] = []
let complaints: string[] = []

// withBrowser opens a browser for the tests of a file. A test fails when a page complains: of an exception, of
// the content security policy, or of a request to another host.
export function withBrowser(): void {
  beforeAll(async () => {
    mkdirSync(world.screenshots, { recursive: true })
    browser = await chromium.launch({ executablePath: need('SLIPWAY_BROWSER'), args: ['--no-sandbox'] })
  })
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()))
    const found = complaints
    contexts = []
    complaints = []
    expect(found).toEqual([])
  })
  afterAll(() => browser.close())
}

interface Looks {
  dark?: boolean
  phone?: boolean
}

// open is a page of a browser that nobody has used.
export async function open({ dark = false, phone = false }: Looks = {}): Promise<Page> {
  const context = await browser.newContext({
    viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  })
  contexts.push(context)
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (origin !== world.url && protocol !== 'data:' && protocol !== 'blob:') complaints.push(`request to ${request.url()}`)
  })
  return page
}

// signIn signs in with the root key, or another, and goes to a path.
export async function signIn(page: Page, path = '/', id = world.keyID, secret = world.secret): Promise<void> {
  await page.goto(world.url)
  await page.getByLabel('Access key ID').fill(id)
  await page.getByLabel('Secret access key').fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('App Runner', { exact: true }).first().waitFor({ state: 'attached' })
  if (path !== '/') await page.goto(world.url + path)
}

// entered is a page of who has signed in.
export async function entered(path = '/', looks: Looks = {}): Promise<Page> {
  const page = await open(looks)
  await signIn(page, path)
  return page
}

// visit returns what a browser shows at an address outside of the console.
export async function visit(url: string): Promise<string> {
  const context = await browser.newContext()
  contexts.push(context)
  const page = await context.newPage()
  await page.goto(url)
  return page.locator('body').innerText()
}

export async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(world.screenshots, `${name}.png`), animations: 'disabled' })
}

interface Violation {
  id: string
  nodes: { html: string; target: unknown }[]
}

declare global {
  interface Window {
    axe: { run: (options: object) => Promise<{ violations: Violation[] }> }
  }
}

// audit fails when axe finds something that keeps people from using a page.
export async function audit(page: Page): Promise<void> {
  await page.evaluate(axeSource)
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run({ resultTypes: ['violations'] })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
  })
  // On a phone, Cloudscape gives its closed navigation an orientation, which a nav has not. Nobody hears it.
  const ours = found.filter((text) => !/^aria-allowed-attr: <nav [^|]*awsui_mobile-toolbar-nav[^|]*$/.test(text))
  expect(ours, `axe on ${page.url()}`).toEqual([])
}

// choose picks an option of a Cloudscape select.
export async function choose(page: Page, label: string | RegExp, option: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: label }).click()
  await page.getByRole('option', { name: option }).first().click()
}
