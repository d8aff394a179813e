import { expect, it } from 'vitest'
import { audit, entered, open, screenshot, signIn, world } from './world'

it('refuses who has no key, and signs out who has', async () => {
  const page = await open()
  await page.goto(`${world.url}/services`)
  await page.getByRole('heading', { name: 'Sign in to Slipway' }).waitFor()
  await audit(page)
  await page.getByLabel('Access key ID').fill(world.keyID)
  await page.getByLabel('Secret access key').fill('not the secret')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('This access key is not known, or the secret is wrong.').waitFor()
  expect(await page.getByLabel('Access key ID').inputValue()).toBe(world.keyID)
  await screenshot(page, 'sign-in-refused')
  await page.getByLabel('Secret access key').fill(world.secret)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: /^Services/ }).waitFor()

  // The session is in a cookie that scripts cannot read, and nothing else has the secret.
  const cookies = await page.context().cookies(`${world.url}/console/session`)
  expect(cookies.map(({ httpOnly, sameSite, path }) => ({ httpOnly, sameSite, path }))).toEqual([{ httpOnly: true, sameSite: 'Strict', path: '/console/' }])
  const stored = await page.evaluate(() => JSON.stringify([document.cookie, Object.entries(localStorage), Object.entries(sessionStorage)]))
  expect(stored).not.toContain(world.secret)

  await page.getByRole('button', { name: /root/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in to Slipway' }).waitFor()
  await page.goto(`${world.url}/services`)
  await page.getByRole('heading', { name: 'Sign in to Slipway' }).waitFor()
})

it('lets a key do what its policy says, and no more', async () => {
  const page = await entered('/keys')
  await page.getByRole('button', { name: 'Create key' }).click()
  await page.getByLabel('Name').fill('onlooker')
  await audit(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click()
  await page.getByText('The secret is shown now and never again.').waitFor()
  const [id = '', secret = ''] = await page.getByRole('dialog').locator('code').allInnerTexts()
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByText('onlooker', { exact: true }).waitFor()
  await screenshot(page, 'keys')

  const other = await open()
  await signIn(other, '/services/my-web', id, secret)
  await other.getByRole('button', { name: 'Deploy', exact: true }).click()
  await other.getByText(/is not authorized to perform: apprunner:StartDeployment/).waitFor()
  await screenshot(other, 'refused')
  await other.goto(`${world.url}/settings`)
  await other.getByRole('heading', { name: 'Engine health' }).waitFor()

  // A key that is deleted is signed out.
  await page.getByRole('radio', { name: id }).check()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('onlooker', { exact: true }).waitFor({ state: 'detached' })
  await other.goto(`${world.url}/repositories`)
  await other.getByRole('heading', { name: 'Sign in to Slipway' }).waitFor()
})
