/** A word that hides who acts, and what to write instead. */
interface BannedWord {
  readonly pattern: RegExp
  readonly instead: string
}

const ACTOR = 'name who acts: the caller, an operator, an attacker, a verifier; or use the passive'

const BANNED: readonly BannedWord[] = [
  { pattern: /\b[Ww]ho(?:m)?ever\b/g, instead: ACTOR },
  { pattern: /\b(?:[Ss]ome|[Nn]o|[Aa]ny)body\b/g, instead: ACTOR },
  { pattern: /\b[Aa]ny(?:one)\b/g, instead: ACTOR },
  { pattern: /\b[Ss]trange(?:r|rs)\b/g, instead: 'write "an attacker", "untrusted" or "another"' },
  { pattern: /\b[Uu]ntol(?:d)\b/g, instead: 'write "unlogged" or "not reported"' },
  { pattern: /\b[Ww]anted (?:is)\b/g, instead: 'write "expected X, got Y"' },
  { pattern: /\b[Mm]en(?:d|ds|ded|ding)\b/g, instead: 'write "fix"' },
  {
    pattern: /\b(?:there|that|which) is (?:none)\b/g,
    instead: 'write "none exists" or "is not an X"',
  },
  // Names in code, where the words above stand inside of a longer one.
  { pattern: /(?:[a-z]|_)(?:Some|No|Any)bod(?:y)/g, instead: ACTOR },
  { pattern: /\bANY(?:BODY|ONE)\b/g, instead: ACTOR },
]

/** Finds banned words in a text; each finding names the path and line, and what to write instead. */
export function findBannedWords(path: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) =>
    BANNED.flatMap(({ pattern, instead }) =>
      Array.from(line.matchAll(pattern), ([word]) => {
        return `no word hides who acts: ${path}:${index + 1}: "${word}": ${instead}`
      }),
    ),
  )
}
