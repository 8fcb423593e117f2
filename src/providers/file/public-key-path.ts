/** Where the public half of a key file lies: `key.pem` and `key.key` → `key.pub`, `key` → `key.pub`. */
export function publicKeyPath(path: string): string {
  return `${path.replace(/(?<=[^/])\.(pem|key)$/, '')}.pub`
}
