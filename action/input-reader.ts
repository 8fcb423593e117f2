/** The values of a step's inputs, as the runner hands them on: `INPUT_NAME`, upper case, hyphens kept. */
import type { Environment } from '../src/config/environment.ts'
import { CountersignError } from '../src/errors.ts'

/** Reads inputs by the names of action.yml. */
export interface InputReader {
  /** Without blanks around it; undefined where it is empty. */
  text(name: string): string | undefined
  /** Entries of lines, each of them separated by commas too; one in double quotes may hold commas. */
  list(name: string): readonly string[]
  /**
   * One of a few words.
   *
   * @throws {@link CountersignError} ERR_USAGE — another word
   */
  choice<T extends string>(name: string, choices: readonly T[], otherwise: T): T
  /** `true` or `false`; throws as {@link InputReader.choice}. */
  flag(name: string, otherwise: boolean): boolean
  /**
   * A whole number from one to `most`; undefined where it is empty.
   *
   * @throws {@link CountersignError} ERR_USAGE — anything else
   */
  count(name: string, most: number): number | undefined
  /**
   * A text that must be there.
   *
   * @throws {@link CountersignError} ERR_USAGE — it is empty
   */
  required(name: string, hint: string): string
}

/** Makes a reader of the runner's environment. */
export function createInputReader(env: Environment): InputReader {
  const text = (name: string): string | undefined => {
    const value = env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`]?.trim()
    return value === '' ? undefined : value
  }
  const choice: InputReader['choice'] = (name, choices, otherwise) => {
    const value = text(name)?.toLowerCase()
    if (value === undefined) return otherwise
    const chosen = choices.find((one) => one === value)
    if (chosen !== undefined) return chosen
    throw usage(`${name} is "${value}"`, `choose ${choices.join(', ')}`)
  }
  return {
    text,
    choice,
    list: (name) => splitList(text(name) ?? ''),
    flag: (name, otherwise) =>
      choice(name, ['true', 'false'], otherwise ? 'true' : 'false') === 'true',
    count: (name, most) => {
      const value = text(name)
      if (value === undefined) return undefined
      const count = /^\d{1,9}$/.test(value) ? Number(value) : NaN
      if (count >= 1 && count <= most) return count
      throw usage(`${name} is "${value}"`, `write a number from 1 to ${most}`)
    },
    required: (name, hint) => {
      const value = text(name)
      if (value !== undefined) return value
      throw usage(`the input ${name} is missing`, hint)
    },
  }
}

/** An entry in quotes, where a quote is written twice, or one without; up to a comma or the end of its line. */
const ENTRY = /[^\S\n]*(?:"((?:[^"\n]|"")*)"[^\S\n]*(?=[,\n]|$)|([^,\n]*))(?:[,\n]|$)/g

function splitList(text: string): readonly string[] {
  return [...text.matchAll(ENTRY)]
    .map(([, quoted, plain = '']) => (quoted?.replaceAll('""', '"') ?? plain).trim())
    .filter((entry) => entry !== '')
}

/** Makes the error of inputs that can't be meant. */
export function usage(message: string, hint: string): CountersignError {
  return new CountersignError('ERR_USAGE', message, { hint })
}
