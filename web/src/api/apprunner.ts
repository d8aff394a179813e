import { AppRunner } from '@aws-sdk/client-apprunner'
import { codeOf } from './error'
import { apiURL, ended, getSession, region } from './session'

interface Signed {
  headers: Record<string, string>
}

// The session cookie stands for a signature. The token tells the console that the call comes from its page.
const signer = {
  sign: <R extends Signed>(request: R): Promise<R> => {
    request.headers['x-slipway-token'] = getSession()?.token ?? ''
    return Promise.resolve(request)
  },
}

function make(endpoint: string): AppRunner {
  const client = new AppRunner({
    region: region(),
    endpoint,
    maxAttempts: 4,
    httpAuthSchemes: [{ schemeId: 'aws.auth#sigv4', identityProvider: () => () => Promise.resolve({}), signer }],
  })
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        if (codeOf(error) === 'SignedOutException') ended()
        throw error
      }
    },
    { step: 'initialize', name: 'notices the end of the session' },
  )
  return client
}

let made: { client: AppRunner; endpoint: string } | undefined

// apprunner is the client of App Runner's API in the chosen Region.
export function apprunner(): AppRunner {
  const endpoint = apiURL('apprunner')
  if (made?.endpoint !== endpoint) made = { client: make(endpoint), endpoint }
  return made.client
}

// pages collects all pages of a list.
export async function pages<Out extends { NextToken?: string }, T>(
  list: (token: string | undefined) => Promise<Out>,
  items: (page: Out) => T[] | undefined,
): Promise<T[]> {
  const all: T[] = []
  let token: string | undefined
  do {
    const page = await list(token)
    all.push(...(items(page) ?? []))
    token = page.NextToken
  } while (token)
  return all
}
