import { describe, expect, it } from 'vitest'
import { parseDotenv } from './dotenv'

const read = (text: string) => Object.fromEntries(parseDotenv(text).pairs.map(({ name, value }) => [name, value]))

describe('parseDotenv', () => {
  it.each<[string, string, Record<string, string>]>([
    ['plain values', 'A=1\nB=two words\n', { A: '1', B: 'two words' }],
    ['spaces around', '  A = 1  \n', { A: '1' }],
    ['export', 'export A=1', { A: '1' }],
    ['comments and empty lines', '# first\n\nA=1 # one\nB=#none\nC=a#b', { A: '1', B: '', C: 'a#b' }],
    ['an empty value', 'A=\nB=""', { A: '', B: '' }],
    ['an equals sign in the value', 'URL=postgres://u:p@h/db?x=y', { URL: 'postgres://u:p@h/db?x=y' }],
    ['double quotes', 'A="a # b"', { A: 'a # b' }],
    ['escapes in double quotes', 'A="one\\ntwo \\"x\\" \\\\"', { A: 'one\ntwo "x" \\' }],
    ['none in single quotes', "A='one\\ntwo'", { A: 'one\\ntwo' }],
    ['several lines', 'KEY="-----BEGIN\nabc\n-----END"\nB=2', { KEY: '-----BEGIN\nabc\n-----END', B: '2' }],
    ['a file of Windows', '\ufeffA=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['a name twice', 'A=1\nA=2', { A: '2' }],
    ['something after a quote', 'A="x" # comment', { A: 'x' }],
  ])('reads %s', (_, text, want) => {
    expect(parseDotenv(text).problems).toEqual([])
    expect(read(text)).toEqual(want)
  })

  it('names lines that say nothing, and reads the others', () => {
    const parsed = parseDotenv('A=1\nwhat is this\n=x\nB=2')
    expect(parsed.problems).toEqual(['Line 2 is not of the form NAME=value.', 'Line 3 is not of the form NAME=value.'])
    expect(parsed.pairs.map((p) => p.name)).toEqual(['A', 'B'])
  })

  it('tells of a quote without an end', () => {
    expect(parseDotenv('A=1\nB="x\nC=3').problems).toEqual(['Line 2 begins a quote that does not end.'])
  })
})
