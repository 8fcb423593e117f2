/** The hosts of a PostgreSQL address: `postgres://user@h1:5432,h2/db` names two, which no URL can. */

const ADDRESS = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)([^/?#]*)(.*)$/s

/** Makes a URL for each host of an address, in its order; undefined where it is not such an address. */
export function splitPostgresHosts(text: string): readonly [URL, ...URL[]] | undefined {
  const [, scheme = '', hosts = '', rest = ''] = ADDRESS.exec(text) ?? []
  const names = hosts.split(',')
  if (scheme === '' || (names.length > 1 && names.includes(''))) return undefined
  const [first, ...others] = names.map((host) => URL.parse(`${scheme}${host}${rest}`))
  if (first === undefined || first === null) return undefined
  const more = others.filter((url) => url !== null)
  return more.length === others.length ? [first, ...more] : undefined
}
