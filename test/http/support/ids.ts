/** An id with a minus and an underscore in it, for tests of its alphabet. Nobody else has it. */
export const knownId = "AQID-AUGBwgJ_gsMDQ4PEA"

/** A well-formed id that is never issued. */
export const unknownId = "AAAAAAAAAAAAAAAAAAAAAA"

export const signingKey = "a signing key of at least 32 bytes, for tests only"
export const otherSigningKey = "another signing key of 32 bytes, for tests only"
