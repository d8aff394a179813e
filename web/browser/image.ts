import { expect, it } from 'vitest'
import { audit, choose, entered, screenshot, visit } from './world'

it('takes an image from the empty home page to a website', async () => {
  const page = await entered()
  await page.getByRole('heading', { name: 'Run your first service' }).waitFor()
  await audit(page)
  await screenshot(page, 'home')
  await page.getByRole('link', { name: 'Create an App Runner service' }).click()

  // Source and deployment
  await page.getByRole('heading', { name: 'Source and deployment' }).first().waitFor()
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('Name the image: type its URI, or choose one with Browse.').waitFor()
  await page.getByRole('button', { name: 'Browse' }).click()
  await choose(page, /^Image repository/, 'mimic')
  await choose(page, /^Image tag/, 'v1')
  await screenshot(page, 'select-image')
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect.poll(() => page.getByLabel('Container image URI').inputValue()).toMatch(/\/mimic:v1$/)
  await page.getByLabel('Manual').check()
  await audit(page)
  await screenshot(page, 'create-source')
  await page.getByRole('button', { name: 'Next' }).click()

  // Configure service
  await page.getByLabel('Service name').fill('x')
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('A service name has 4 to 40 letters').waitFor()
  await page.getByLabel('Service name').fill('my-web')
  await choose(page, /^Virtual CPU/, '0.25 vCPU')
  await page.getByRole('button', { name: 'Paste a .env file' }).click()
  await page.getByLabel("The file's text").fill('GREETING="hello there"\n# a comment\nexport LEVEL=debug')
  await page.getByRole('button', { name: 'Add 2 variables' }).click()
  await page.getByRole('button', { name: /^Health check/ }).click()
  await page.getByLabel('Interval').fill('1')
  await audit(page)
  await screenshot(page, 'create-service')

  // Nothing is lost by a reload or by going back.
  await page.reload()
  await expect.poll(() => page.getByLabel('Service name').inputValue()).toBe('my-web')
  await page.getByRole('button', { name: 'Previous' }).click()
  await expect.poll(() => page.getByLabel('Container image URI').inputValue()).toMatch(/\/mimic:v1$/)
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByRole('button', { name: 'Next' }).click()

  // Review and create
  await page.getByRole('heading', { name: 'Review and create' }).first().waitFor()
  await page.getByText('GREETING, LEVEL').waitFor()
  await audit(page)
  await screenshot(page, 'create-review')
  await page.getByRole('button', { name: 'Create and deploy' }).click()

  // The dashboard, and the website
  await page.getByRole('heading', { name: 'Service overview' }).waitFor()
  await page.getByText('Running', { exact: true }).waitFor({ timeout: 45_000 })
  await page.getByText('1 of 1 instance healthy').waitFor()
  await page.getByText('Service status is set to RUNNING.').waitFor()
  await audit(page)
  await screenshot(page, 'dashboard')
  const address = await page.getByRole('link', { name: /^http:\/\/.*localhost/ }).getAttribute('href')
  expect(await visit(address ?? '')).toContain('v1 instance')
  const environment = (await visit(`${address ?? ''}/env`)).split('\n')
  expect(environment).toContain('GREETING=hello there')
  expect(environment).toContain('LEVEL=debug')
})
