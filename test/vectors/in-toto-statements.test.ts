import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { isJsonObject, parseJson } from '../../src/formats/json.ts'
import { assertSlsaProvenance } from '../../src/formats/predicates/slsa-provenance.ts'
import { assertResourceDescriptor, parseStatement } from '../../src/formats/statement.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

interface Case {
  readonly id: string
  readonly kind: 'statement' | 'resource-descriptor' | 'slsa-provenance-v1'
  readonly json: string
  readonly expect: 'valid' | 'invalid'
}

function validate({ kind, json }: Case): void {
  if (kind === 'statement') {
    parseStatement(Buffer.from(json))
    return
  }
  const value = parseJson(json)
  if (kind === 'resource-descriptor') assertResourceDescriptor(value)
  else assertSlsaProvenance(isJsonObject(value) ? value : {})
}

describeVectors('in-toto-statements', () => {
  const { cases } = readVectorJson<{ cases: readonly Case[] }>('in-toto-statements/cases.json')
  test.each(cases)('$kind "$id" is $expect', (item) => {
    let verdict = 'valid'
    try {
      validate(item)
    } catch (error) {
      if (!CountersignError.is(error)) throw error
      expect(['ERR_STATEMENT_INVALID', 'ERR_PREDICATE_INVALID']).toContain(error.code)
      verdict = 'invalid'
    }
    expect(verdict).toBe(item.expect)
  })
})
