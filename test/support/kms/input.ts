/** Members of a KMS request, read as the API model constrains them. */
import { KmsFault, violates } from './fault.ts'

/** The JSON document of one request. */
export class KmsInput {
  readonly #members: Readonly<Record<string, unknown>>

  constructor(body: Buffer) {
    this.#members = parse(body)
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined
  }

  text(name: string): string {
    const value = this.optionalText(name)
    if (value !== undefined) return value
    throw violates(lowerFirst(name), 'Member must not be null')
  }

  optionalText(name: string): string | undefined {
    const value = this.#members[name]
    if (value === undefined || typeof value === 'string') return value
    throw serialization()
  }

  bytes(name: string): Uint8Array {
    return Buffer.from(this.text(name), 'base64')
  }

  flag(name: string): boolean {
    return this.#members[name] === true
  }

  number(name: string, fallback: number): number {
    const value = this.#members[name] ?? fallback
    if (typeof value === 'number') return value
    throw serialization()
  }

  /** Tags of CreateKey and TagResource, by key. */
  tags(): Map<string, string> {
    const value = this.#members['Tags'] ?? []
    if (!Array.isArray(value)) throw serialization()
    const tags = new Map<string, string>()
    for (const tag of value as Readonly<Record<string, unknown>>[]) {
      const { TagKey: key, TagValue: text } = tag
      if (typeof key !== 'string' || typeof text !== 'string') throw serialization()
      if (key.startsWith('aws:') || tags.has(key)) throw new KmsFault('TagException', '')
      tags.set(key, text)
    }
    return tags
  }

  /** One page of a list, by Limit and Marker. */
  page<T>(items: readonly T[]): { readonly items: readonly T[]; readonly rest: object } {
    const start = Number(this.optionalText('Marker') ?? '0')
    const end = start + this.number('Limit', 100)
    const truncated = end < items.length
    const rest = truncated ? { Truncated: true, NextMarker: String(end) } : { Truncated: false }
    return { items: items.slice(start, end), rest }
  }
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(body.toString())
    if (typeof document === 'object' && document !== null) {
      return document as Readonly<Record<string, unknown>>
    }
  } catch {
    // falls through
  }
  throw serialization()
}

function serialization(): KmsFault {
  return new KmsFault('SerializationException', '')
}

function lowerFirst(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1)
}
