/** Things that happen once each, and those who wait for them. */
export interface Signals<A> {
  readonly happened: (name: string, value: A) => void
  /** Waits for it, if it has not happened yet. Fails when nothing more will happen, or after a long time. */
  readonly until: (name: string) => Promise<A>
  readonly over: (why: string) => void
}

const patience = 300_000

export const makeSignals = <A>(what: string): Signals<A> => {
  const values = new Map<string, A>()
  const waiting = new Map<string, { readonly resolve: (value: A) => void; readonly reject: (error: Error) => void }>()
  let end: string | undefined
  return {
    happened: (name, value) => {
      values.set(name, value)
      waiting.get(name)?.resolve(value)
    },
    until: (name) =>
      new Promise((resolve, reject) => {
        const value = values.get(name)
        if (value !== undefined) return resolve(value)
        if (end !== undefined) return reject(new Error(`${what} ${name}: ${end}`))
        const timer = setTimeout(() => reject(new Error(`${what} ${name}: waited for too long`)), patience)
        waiting.set(name, {
          resolve: (value) => {
            clearTimeout(timer)
            resolve(value)
          },
          reject: (error) => {
            clearTimeout(timer)
            reject(error)
          }
        })
      }),
    over: (why) => {
      end = why
      for (const [name, { reject }] of waiting) reject(new Error(`${what} ${name}: ${why}`))
    }
  }
}
