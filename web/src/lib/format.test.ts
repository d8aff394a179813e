import { describe, expect, it } from 'vitest'
import { duration, memory, size, virtualCPU, when, words } from './format'
import { tagChanges } from '../pages/service/configuration/apply'
import { pathOf } from '../api/source'

describe('formats', () => {
  it.each([
    [450, '0.5 s'],
    [12_400, '12 s'],
    [125_000, '2 min 5 s'],
    [7_500_000, '2 h 5 min'],
    [90_000_000, '1 d 1 h'],
  ])('writes %d ms as %s', (ms, want) => expect(duration(ms)).toBe(want))

  it.each([
    [0, '0 B'],
    [1536, '1.5 KiB'],
    [5_033_165, '4.8 MiB'],
    [200 * 1024 ** 3, '200 GiB'],
  ])('writes %d bytes as %s', (bytes, want) => expect(size(bytes)).toBe(want))

  it('writes names of the API in words', () => {
    expect(words('OPERATION_IN_PROGRESS')).toBe('Operation in progress')
    expect(words(undefined)).toBe('–')
  })

  it('writes sizes of instances in either form', () => {
    expect([virtualCPU('256'), virtualCPU('1 vCPU'), memory('512'), memory('12 GB')]).toEqual(['0.25 vCPU', '1 vCPU', '0.5 GB', '12 GB'])
  })

  it('writes no time for none', () => expect([when(undefined), when('never')]).toEqual(['–', '–']))
})

describe('tagChanges', () => {
  it('sets what is new or other, and takes away what is gone', () => {
    const before = [{ Key: 'a', Value: '1' }, { Key: 'b', Value: '2' }, { Key: 'c', Value: '3' }]
    expect(tagChanges(before, [{ Key: 'a', Value: '1' }, { Key: 'b', Value: '4' }, { Key: 'd', Value: '5' }])).toEqual({
      set: [{ Key: 'b', Value: '4' }, { Key: 'd', Value: '5' }],
      remove: ['c'],
    })
  })
})

describe('pathOf', () => {
  it.each([
    ['app/src/main.go', 'src/main.go'],
    ['app/.git/config', ''],
    ['app/node_modules/x/index.js', ''],
    ['app/.gitignore', '.gitignore'],
  ])('sends %s as %s', (webkitRelativePath, want) => expect(pathOf({ name: 'x', webkitRelativePath })).toBe(want))
})
