import { describe, expect, it } from 'vitest'
import type { Service } from '@aws-sdk/client-apprunner'
import { empty, noConnection, type Draft, type Field } from './draft'
import { fieldOf } from './fieldof'
import { fromService } from './fromservice'
import { tagsOf, toCreate } from './request'
import { checked, stepOf, stepsOf } from './steps'
import { keep, restore } from './store'
import { validate } from './validate'

const draft = (patch: Partial<Draft>): Draft => ({ ...empty, name: 'my-web', image: 'public.ecr.aws/a/b:1', ...patch })
const code = (patch: Partial<Draft>): Draft =>
  draft({ kind: 'code', image: '', connection: 'arn', repository: 'https://git.example/a/b', branch: 'main', runtime: 'NODEJS_22', buildCommand: 'npm ci', startCommand: 'node .', ...patch })

describe('validate', () => {
  it.each<[string, Field, Draft, RegExp | undefined]>([
    ['an image', 'image', draft({}), undefined],
    ['no image', 'image', draft({ image: ' ' }), /Name the image/],
    ['an address for an image', 'image', draft({ image: 'https://docker.io/nginx' }), /Leave out https/],
    ['a private image as a public one', 'image', draft({ provider: 'ECR_PUBLIC', image: 'nginx:1' }), /begin with public/],
    ['ECR without a role', 'accessRole', draft({ image: '000000000000.dkr.ecr.us-east-1.amazonaws.com/a:1' }), /needs an access role/],
    ['a registry of ones own without a role', 'accessRole', draft({ image: '127.0.0.1:7420/a:1' }), undefined],
    ['what is no role', 'accessRole', draft({ accessRole: 'admin' }), /not the ARN of a role/],
    ['a short name', 'name', draft({ name: 'abc' }), /4 to 40/],
    ['a name of 41', 'name', draft({ name: 'a'.repeat(41) }), /4 to 40/],
    ['a name with a dot', 'name', draft({ name: 'my.web' }), /4 to 40/],
    ['a port', 'port', draft({ port: '65535' }), undefined],
    ['a port beyond', 'port', draft({ port: '65536' }), /1 to 65535/],
    ['no number', 'interval', draft({ interval: '5s' }), /1 to 20/],
    ['a size that is none', 'memory', draft({ cpu: '256', memory: '4096' }), /no instances/],
    ['HTTP with a path', 'path', draft({ protocol: 'HTTP', path: '/health' }), undefined],
    ['HTTP without', 'path', draft({ protocol: 'HTTP', path: 'health' }), /begins with/],
    ['code without a branch', 'branch', code({ branch: '' }), /branch/],
    ['a public repository', 'connection', code({ connection: noConnection }), undefined],
    ['a command of two lines', 'buildCommand', code({ buildCommand: 'a\nb' }), /one line/],
    ['no start command', 'startCommand', code({ startCommand: '' }), /starts the application/],
    ['no start command, but a Dockerfile', 'startCommand', code({ startCommand: '', configuration: 'DOCKERFILE' }), undefined],
    ['a folder that was not sent', 'repository', draft({ kind: 'folder' }), /upload it/],
  ])('judges %s', (_, field, what, want) => {
    const message = validate(what, [field])[field]
    if (want) expect(message).toMatch(want)
    else expect(message).toBeUndefined()
  })

  it('judges each variable', () => {
    const errors = validate(
      draft({
        variables: [
          { from: 'text', name: 'A', value: '' },
          { from: 'text', name: 'A', value: '' },
          { from: 'text', name: '', value: '' },
          { from: 'text', name: 'AWSAPPRUNNER_X', value: '' },
          { from: 'secret', name: 'S', value: ' ' },
        ],
      }),
      ['variables'],
    )
    expect(Object.keys(errors).sort()).toEqual(['instanceRole', 'variables.1.name', 'variables.2.name', 'variables.3.name', 'variables.4.value'])
  })
})

describe('requests', () => {
  it('say of an image what was typed, and nothing else', () => {
    expect(toCreate(draft({ image: ' 127.0.0.1:7420/a:1 ', automatic: true, variables: [{ from: 'text', name: 'A', value: '1' }] }))).toMatchObject({
      ServiceName: 'my-web',
      SourceConfiguration: {
        AutoDeploymentsEnabled: true,
        AuthenticationConfiguration: undefined,
        ImageRepository: { ImageIdentifier: '127.0.0.1:7420/a:1', ImageRepositoryType: 'ECR', ImageConfiguration: { Port: '8080', RuntimeEnvironmentVariables: { A: '1' } } },
      },
      Tags: undefined,
    })
  })

  it('never watch a public image', () => {
    expect(toCreate(draft({ provider: 'ECR_PUBLIC', automatic: true })).SourceConfiguration?.AutoDeploymentsEnabled).toBe(false)
  })

  it('name no connection for a public repository', () => {
    expect(toCreate(code({ connection: noConnection })).SourceConfiguration?.AuthenticationConfiguration).toBeUndefined()
  })

  it('ask for a Dockerfile and for options with tags', () => {
    const tags = tagsOf(code({ configuration: 'DOCKERFILE', dockerfile: 'deploy/Dockerfile', options: { 'slipway:canary': ' 10%/2m ', 'slipway:hsts': '' }, tags: [{ key: 'team', value: 'a' }] }))
    expect(tags).toEqual([
      { Key: 'slipway:canary', Value: '10%/2m' },
      { Key: 'slipway:build', Value: 'dockerfile' },
      { Key: 'slipway:dockerfile', Value: 'deploy/Dockerfile' },
      { Key: 'team', Value: 'a' },
    ])
  })

  it.each<[string, Draft]>([
    ['an image', draft({ variables: [{ from: 'secret', name: 'S', value: 'arn' }], protocol: 'HTTP', path: '/up', tracing: true, observability: 'arn:o', isPrivate: true })],
    ['code', code({ cpu: '2048', memory: '6144', options: { 'slipway:idle': 'freeze' }, tags: [{ key: 'team', value: 'a' }] })],
    ['a Dockerfile', code({ configuration: 'DOCKERFILE', dockerfile: 'Dockerfile.web', buildCommand: '', runtime: '' })],
  ])('of %s come back as the same draft', (_, before) => {
    const made = toCreate(before)
    const service = { ...made, NetworkConfiguration: made.NetworkConfiguration, Status: 'RUNNING' } as unknown as Service
    const after = fromService(service, made.Tags ?? [])
    const runtime = before.configuration === 'DOCKERFILE' ? after.runtime : before.runtime // any will do there
    expect(after).toEqual({ ...before, runtime })
  })
})

describe('fieldOf', () => {
  it.each([
    ["1 validation error detected: Value 'ab' at 'serviceName' failed to satisfy constraint: Member must have length greater than or equal to 4", 'name'],
    ["1 validation error detected: Value 'x' at 'sourceConfiguration.imageRepository.imageIdentifier' failed to satisfy constraint", 'image'],
    ['Service with the provided name already exists: my-web.', 'name'],
    ['Invalid Access Role in AuthenticationConfiguration. There is no role x.', 'accessRole'],
    ['Error in assuming instance role. Role x is of account 1.', 'instanceRole'],
    ['Tag "slipway:canary" with value "x": it is a share.', 'slipway:canary'],
    ['Something else happened.', ''],
  ])('finds where %s belongs', (message, field) => {
    expect(fieldOf(message)).toBe(field)
  })
})

describe('steps', () => {
  it('build code and no images', () => {
    expect(stepsOf(draft({}))).not.toContain('build')
    expect(stepsOf(code({}))).toContain('build')
  })

  it('have each field once', () => {
    for (const one of [draft({}), code({})]) {
      const all = stepsOf(one).flatMap((step) => [...checked(one, step)])
      expect(new Set(all).size).toBe(all.length)
    }
    expect(stepOf(code({}), 'port')).toBe('build')
    expect(stepOf(draft({}), 'port')).toBe('service')
    expect(stepOf(draft({}), 'slipway:canary')).toBe('service')
  })
})

describe('what is kept of a draft', () => {
  it('has no values that look secret', () => {
    const text = keep({
      step: 1,
      draft: draft({ variables: [{ from: 'text', name: 'DB_PASSWORD', value: 'hunter2' }, { from: 'text', name: 'LEVEL', value: 'debug' }, { from: 'secret', name: 'API_TOKEN', value: 'arn' }] }),
    })
    expect(text).not.toContain('hunter2')
    expect(restore(text).draft.variables.map(({ value }) => value)).toEqual(['', 'debug', 'arn'])
    expect(restore(text).step).toBe(1)
  })

  it('is nothing when it cannot be read', () => {
    expect(restore('{')).toEqual({ draft: empty, step: 0 })
    expect(restore(null).draft).toEqual(empty)
  })
})
