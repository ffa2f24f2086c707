const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** By character code; -1 for what is not in the alphabet. */
const sextets: ReadonlyArray<number> = Array.from(
  { length: 128 },
  (_, code) => alphabet.indexOf(String.fromCharCode(code))
)

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
    const sextet = sextets[value.charCodeAt(index)] ?? -1
    if (sextet === -1) return false
    last = sextet
  }
  const unusedBits = length * 6 - bytes * 8
  return (last & ((1 << unusedBits) - 1)) === 0
}
