/** A key and when it was due, as of when it was put in the queue. */
interface Entry {
  readonly key: string
  readonly expiresAt: number
}

/**
 * Keys in the order of their expiry: a binary heap. An entry is not removed or moved when its record changes; it is
 * compared with `expiryOf` when it comes up, and dropped or put back. So a touch costs nothing here.
 */
export interface ExpiryQueue {
  /** Announces that `key` expires at `expiresAt`. Needed when a record is new or expires sooner than before. */
  readonly push: (key: string, expiresAt: number) => void
  /** Takes out the key that expires soonest, if it does so at or before `before`. */
  readonly pop: (before: number) => string | undefined
  readonly clear: () => void
}

/** `expiryOf` tells when a key expires now, `undefined` if it is no longer there; `keys` lists what is there. */
export const make = (
  expiryOf: (key: string) => number | undefined,
  size: () => number,
  keys: () => Iterable<string>
): ExpiryQueue => {
  const heap: Array<Entry> = []

  const siftUp = (start: number): void => {
    const entry = heap[start]!
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.expiresAt <= entry.expiresAt) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  const siftDown = (start: number): void => {
    const entry = heap[start]!
    let index = start
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.expiresAt < heap[child]!.expiresAt) child++
      if (heap[child]!.expiresAt >= entry.expiresAt) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = entry
  }

  const removeTop = (): void => {
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      siftDown(0)
    }
  }

  // Keys that were deleted or rotated leave entries behind. Once these outnumber the living, start over.
  const compact = (): void => {
    heap.length = 0
    for (const key of keys()) {
      const expiresAt = expiryOf(key)
      if (expiresAt !== undefined) heap.push({ key, expiresAt })
    }
    for (let index = (heap.length >> 1) - 1; index >= 0; index--) siftDown(index)
  }

  return {
    push(key, expiresAt) {
      if (heap.length > 2 * size() + 64) return compact()
      heap.push({ key, expiresAt })
      siftUp(heap.length - 1)
    },
    pop(before) {
      for (let top = heap[0]; top !== undefined && top.expiresAt <= before; top = heap[0]) {
        const expiresAt = expiryOf(top.key)
        removeTop()
        if (expiresAt === undefined) continue
        // Later than announced, it may be due and yet not the soonest.
        const next = heap[0]
        if (expiresAt <= before && (next === undefined || next.expiresAt >= expiresAt)) return top.key
        heap.push({ key: top.key, expiresAt })
        siftUp(heap.length - 1)
      }
      return undefined
    },
    clear() {
      heap.length = 0
    }
  }
}
