const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

const sextets: ReadonlyMap<number, number> = new Map(Array.from(alphabet, (char, index) => [char.charCodeAt(0), index]))

/** The number of base64url characters, without padding, that encode `bytes` bytes. */
export const encodedLength = (bytes: number): number => Math.ceil((bytes * 8) / 6)

/**
 * Whether `value` is the one canonical base64url encoding of exactly `bytes` bytes: right length, right alphabet, no
 * padding, and the unused low bits of the last character zero. So no two accepted strings mean the same bytes.
 */
export const isCanonical = (value: string, bytes: number): boolean => {
  const length = encodedLength(bytes)
  if (value.length !== length) return false
  let last = 0
  for (let index = 0; index < length; index++) {
    const sextet = sextets.get(value.charCodeAt(index))
    if (sextet === undefined) return false
    last = sextet
  }
  const unusedBits = length * 6 - bytes * 8
  return (last & ((1 << unusedBits) - 1)) === 0
}
