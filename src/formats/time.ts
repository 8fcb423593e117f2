/** Times at the edges: RFC 3339 in UTC, to the second, as cosign writes `created`. */
export function toUtcSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z')
}
