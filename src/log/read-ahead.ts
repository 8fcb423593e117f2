/** Reads in order, a few ahead, so that a slow source is waited for once and not each time. */
export async function* readAhead<Item, T>(
  items: Iterable<Item>,
  read: (item: Item) => Promise<T>,
  ahead = 4,
): AsyncGenerator<T, void, undefined> {
  const running: Promise<T>[] = []
  for (const item of items) {
    const started = read(item)
    // One that fails is found when its turn comes, or never, if an earlier one failed.
    started.catch(() => undefined)
    running.push(started)
    const first = running.length < ahead ? undefined : running.shift()
    if (first !== undefined) yield await first
  }
  for (const left of running) yield await left
}
