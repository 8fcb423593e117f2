/** Path of the public key beside a key file: `key.pem` and `key.key` → `key.pub`, `key` → `key.pub`. */
export function publicKeyPath(path: string): string {
  return `${path.replace(/(?<=[^/])\.(pem|key)$/, '')}.pub`
}
