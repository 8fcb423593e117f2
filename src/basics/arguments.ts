/** Checks of what callers of the library pass, who may have no types. */

/**
 * Makes sure that an option is a text.
 *
 * @throws TypeError — it is anything else, or empty
 */
export function assertText(name: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && value !== '') return
  throw wrongOption(name, 'a string with content', value)
}

/**
 * Makes sure that an option is an object.
 *
 * @throws TypeError — it is anything else
 */
export function assertObject(name: string, value: unknown): asserts value is object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  throw wrongOption(name, 'an object', value)
}

/**
 * Makes sure that options which may be left out are of a type.
 *
 * @throws TypeError — one is there and of another type
 */
export function assertOptions(
  options: Readonly<Record<string, unknown>>,
  type: 'string' | 'boolean' | 'function' | 'number',
): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && typeof value !== type) throw wrongOption(name, `a ${type}`, value)
  }
}

/** Makes the error of an option that is not as expected. */
function wrongOption(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`the option ${name} must be ${expected}, got ${describe(value)}`)
}

function describe(value: unknown): string {
  if (value === '') return 'an empty string'
  if (Array.isArray(value)) return 'an array'
  return value === null ? 'null' : typeof value
}
