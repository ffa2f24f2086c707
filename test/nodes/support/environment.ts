/** What a node needs to know, by the names of its environment variables. */
export interface NodeEnvironment {
  /** Of PostgreSQL, of MySQL, or of Redis. */
  readonly STORE_URL: string
  readonly PREFIX: string
  readonly MAX_PER_USER: string
  /** The signing keys, one after the other with commas between. */
  readonly SESSION_SECRETS: string
  /** How far its clock is ahead, in milliseconds. */
  readonly CLOCK_OFFSET: string
  /** How often it sweeps, in milliseconds. */
  readonly SWEEP_INTERVAL: string
}

/** A variable of this process. */
export const variable = (name: keyof NodeEnvironment): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`the environment lacks ${name}`)
  return value
}
