import { expect, it } from 'vitest'
import { audit, entered, open, screenshot, signIn, world } from './world'

// Every page, and what shows that it is there.
const pages: [path: string, heading: string | RegExp][] = [
  ['/services', /^Services/],
  ['/services/create', 'Source and deployment'],
  ['/connections', /^Connected accounts/],
  ['/autoscaling', /^Auto scaling configurations/],
  ['/autoscaling/DefaultConfiguration', /^DefaultConfiguration/],
  ['/networking', 'Networking configurations'],
  ['/observability', /^Observability configurations/],
  ['/repositories', /^Repositories/],
  ['/repositories/mimic', /^mimic/],
  ['/keys', /^Keys/],
  ['/settings', 'Settings'],
  ['/services/my-web/activity', /^Activity/],
  ['/services/my-web/metrics', 'Metrics'],
  ['/services/my-web/instances', /^Instances/],
  ['/services/my-web/revisions', /^Revisions/],
  ['/services/my-web/configuration', 'Source and deployment'],
  ['/services/none', 'There is no service none (any more)'],
  ['/nowhere', 'There is no such page'],
]

const nameOf = (path: string) => path.slice(1).replaceAll('/', '-')

it('shows every page by day and by night, without anything that axe finds', async () => {
  const page = await entered()
  for (const [path, heading] of pages) {
    await page.emulateMedia({ colorScheme: 'light' })
    await page.goto(world.url + path)
    await page.getByRole('heading', { name: heading }).first().waitFor()
    await page.getByText(/^Reading the/).first().waitFor({ state: 'detached' })
    await audit(page)
    await screenshot(page, nameOf(path))
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('.awsui-dark-mode').first().waitFor({ state: 'attached' })
    await audit(page)
    await screenshot(page, `${nameOf(path)}-dark`)
  }
}, 180_000)

it('fits on a phone', async () => {
  const page = await open({ phone: true })
  await signIn(page)
  for (const path of ['/services', '/services/my-web', '/services/create', '/repositories', '/settings']) {
    await page.goto(world.url + path)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await page.getByText(/^Reading the/).first().waitFor({ state: 'detached' })
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(beyond, `${path} is wider than the screen`).toBeLessThanOrEqual(0)
    await screenshot(page, `phone-${nameOf(path)}`)
  }
  await audit(page)
})

it('is there within a second', async () => {
  const page = await entered('/services')
  await page.reload()
  await page.getByRole('link', { name: 'my-web' }).waitFor()
  const took = await page.evaluate(() => Math.round(performance.getEntriesByType('paint').find(({ name }) => name === 'first-contentful-paint')?.startTime ?? 0))
  console.log(`the first page appeared after ${took} ms`)
  expect(took).toBeGreaterThan(0)
})
