import { check } from './error'
import { apiURL, session } from './session'
import { steady } from './steady'

const targets = {
  ecr: 'AmazonEC2ContainerRegistry_V20150921',
  secretsmanager: 'secretsmanager',
  ssm: 'AmazonSSM',
}

// aws does an operation of one of the APIs that the pages ask little of: a client for each would be larger
// than all pages together. The types of inputs and outputs come from the SDK.
export async function aws<Out>(service: keyof typeof targets, operation: string, input: object): Promise<Out> {
  const call = () =>
    fetch(`${apiURL(service)}/`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': `${targets[service]}.${operation}`,
        'X-Slipway-Token': session().token,
      },
      body: JSON.stringify(input),
    })
  const response = /^(List|Describe)/.test(operation) ? await steady(call) : await call()
  return (await (await check(response)).json()) as Out
}
