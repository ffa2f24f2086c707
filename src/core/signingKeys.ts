/** A shorter key is weaker than the signature it makes. */
const minBytes = 32

/** Each one is tried on every signed cookie. */
const maxKeys = 16

/** Fewer pieces than this, and somebody typed the key. The shortest random keys have about twice as many. */
const minPieces = 16

/** Fewer different characters than this no random key has. */
const minDistinct = 6

/** More of a key need not be looked at. */
const maxRead = 256

const rows = [
  "abcdefghijklmnopqrstuvwxyz",
  "01234567890",
  "qwertyuiopasdfghjklzxcvbnm",
  "qwertzuiopasdfghjklyxcvbnm",
  "1q2w3e4r5t6y7u8i9o0p",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"
]

const words =
  "admin change character complex cookie correct default example hello here insecure keyboard least letmein "
  + "local long minimum must password passphrase passw0rd phrase placeholder please private production random replace "
  + "secret secure session should sign signing string strong super temporary test this token value very with world your"

/** What people type instead of drawing at random. */
const habits = [...rows, ...rows.map((row) => Array.from(row).reverse().join("")), ...words.split(" ")].join("\n")

/** Where the piece that begins at `start` ends: a habit or what stands before already, of three characters or more. */
const endOfPiece = (text: string, start: number): number => {
  for (let end = start + 3; end <= text.length; end++) {
    const piece = text.slice(start, end)
    if (!habits.includes(piece) && !text.slice(0, end - 1).includes(piece)) {
      return end === start + 3
        ? start + 1
        : end - 1
    }
  }
  return text.length
}

/**
 * Whether somebody may have typed the key: taken apart into habits, repetitions and single characters it has few pieces.
 * What `openssl rand` prints has nearly as many pieces as characters.
 */
export const isGuessable = (key: string): boolean => {
  const text = key.slice(0, maxRead).toLowerCase().replace(/[\s._-]/g, "").replace(/(.)\1+/g, "$1")
  let pieces = 0
  for (let start = 0; start < text.length && pieces < minPieces; pieces++) start = endOfPiece(text, start)
  return pieces < minPieces || new Set(text).size < minDistinct
}

/** Everything that is wrong with signing keys, each in words that say what to change. Empty if nothing is. */
export const problemsOf = (keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  const advice = "make one with \"openssl rand -base64 32\""
  const problems = keys.flatMap((key, index) =>
    Buffer.byteLength(key) < minBytes
      ? [`signingKeys[${index}] is shorter than ${minBytes} bytes: ${advice}`]
      : isGuessable(key)
      ? [`signingKeys[${index}] can be guessed, it is not random: ${advice}`]
      : []
  )
  if (keys.length > maxKeys) problems.push(`signingKeys takes ${maxKeys} keys at the most: drop the oldest`)
  if (new Set(keys).size !== keys.length) problems.push("signingKeys holds the same key twice: leave one out")
  return problems
}
