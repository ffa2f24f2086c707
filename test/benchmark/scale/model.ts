/**
 * What many sessions and many requests need, from what one operation and one stored session cost. Pure functions: the
 * constants are measured, the traffic is assumed, and the machines are those of a table of prices.
 */

/** What the store is asked for: `begin` inserts a visitor, `sign-in` renames, `end` deletes by key. */
export type OperationName = "read" | "touch" | "write" | "begin" | "sign-in" | "end"

/** The cost of one operation. Null where it cannot be told. */
export interface Cost {
  /** CPU microseconds of the app's process: the store and its driver, no HTTP. */
  readonly appMicros: number
  /** CPU microseconds of the server that the store is on. 0 where there is none. */
  readonly serverMicros: number
  readonly statements: number | null
  readonly logBytes: number | null
}

/** With so many stored. */
export interface Size {
  readonly stored: number
  readonly bytesPerSession: number
  readonly costs: Readonly<Record<string, Cost>>
}

/** What was measured of a store. */
export interface Constants {
  readonly store: string
  readonly keeps: "memory" | "disk"
  readonly sizes: ReadonlyArray<Size>
  /** With sessions of 1 KB. */
  readonly large: Size
  /** Removing one expired session, of batches of a thousand. */
  readonly sweep: Cost
  /** Bytes on the wire, both ways. Null where there is none, or none was counted. */
  readonly network: Readonly<Record<string, number>> | null
}

/** A straight line. */
export interface Line {
  readonly at: number
  readonly slope: number
}

/** The line with the least squares through these points. A level one through a single point. */
export const fit = (points: ReadonlyArray<readonly [x: number, y: number]>): Line => {
  const count = points.length
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / count
  const [x, y] = [mean(([x]) => x), mean(([, y]) => y)]
  const variance = mean((point) => (point[0] - x) ** 2)
  if (!(variance > 0)) return { at: y, slope: 0 }
  const slope = mean((point) => (point[0] - x) * (point[1] - y)) / variance
  return { at: y - slope * x, slope }
}

/** The power of what is stored that a figure grows with: 0 is not at all, 1 in proportion. */
export const exponent = (points: ReadonlyArray<readonly [stored: number, figure: number]>): number =>
  fit(points.filter(([, figure]) => figure > 0).map(([stored, figure]) => [Math.log10(stored), Math.log10(figure)]))
    .slope

/** The figure for so many stored: what was measured, or `a + b log10 n`, for more never less than the largest size had. */
export const extrapolate = (
  points: ReadonlyArray<readonly [stored: number, figure: number]>,
  stored: number
): number => {
  const measured = points.find(([size]) => size === stored)
  if (measured !== undefined) return measured[1]
  const { at, slope } = fit(points.map(([stored, figure]) => [Math.log10(stored), figure]))
  const last = points.reduce((last, point) => point[0] > last[0] ? point : last, [0, 0] as readonly [number, number])
  const fitted = at + slope * Math.log10(stored)
  return stored < last[0] ? fitted : Math.max(last[1], fitted)
}

/** What is asked of the sessions. */
export interface Traffic {
  readonly requestsPerSecond: number
  /** The shares of requests that read and that change their session. The others leave it alone. */
  readonly reading: number
  readonly writing: number
  /** How often a visitor who is there sends a request, in seconds; so many are there at a time. */
  readonly secondsBetweenRequests: number
  /** A session is touched once in so many seconds at the most. */
  readonly touchSeconds: number
  /** How long a session is stored, on average, in days. As many begin as end. */
  readonly daysStored: number
  /** The share of sessions that are signed in to. */
  readonly signingIn: number
  /** The share of sessions that are signed out of; the others expire, and are swept. */
  readonly signingOut: number
}

/** Half of the requests leave the session alone, one in twenty changes it. */
export const usualTraffic: Traffic = {
  requestsPerSecond: 100_000,
  reading: 0.45,
  writing: 0.05,
  secondsBetweenRequests: 10,
  touchSeconds: 60,
  daysStored: 7,
  signingIn: 0.5,
  signingOut: 0.1
}

/** Operations a second, and sessions swept a second. */
export type Rates = Readonly<Record<OperationName | "sweep", number>>

/** A write is a read and an update; so is a sign-in with its rename. */
export const ratesOf = (traffic: Traffic, stored: number): Rates => {
  const { daysStored, reading, requestsPerSecond, secondsBetweenRequests, touchSeconds } = traffic
  const begun = stored / (daysStored * 86_400)
  const write = requestsPerSecond * traffic.writing
  const signIn = begun * traffic.signingIn
  const there = Math.min(stored, requestsPerSecond * secondsBetweenRequests)
  return {
    read: requestsPerSecond * reading + write + signIn,
    // One write a minute is a touch as well. A visitor who comes every ten seconds reads five times between two touches.
    touch: Math.min(requestsPerSecond * reading, there / touchSeconds),
    write,
    begin: begun,
    "sign-in": signIn,
    end: begun * traffic.signingOut,
    sweep: begun * (1 - traffic.signingOut)
  }
}

/** What a machine may be used for. */
export interface Machine {
  readonly cores: number
  /** The share of its cores that is planned for: the rest is for peaks, and for a machine that fails. */
  readonly load: number
  readonly memoryBytes: number
  readonly diskBytes: number
}

/** An ordinary one; a Redis server has one core to work with, and memory for itself and for what it writes anew. */
export const machineOf = (store: string): Machine =>
  store.startsWith("Redis")
    ? { cores: 1, load: 0.5, memoryBytes: 32 * 2 ** 30, diskBytes: 2 ** 40 }
    : { cores: 16, load: 0.5, memoryBytes: 64 * 2 ** 30, diskBytes: 2 ** 40 }

/** CPU microseconds of a whole server of the app for a request, HTTP and all. */
export interface RequestCost {
  readonly untouched: number
  readonly read: number
  readonly write: number
}

/** What it takes. */
export interface Need {
  readonly store: string
  readonly stored: number
  /** Cores of the app. */
  readonly appCores: number
  /** Cores of the store's servers. */
  readonly storeCores: number
  readonly bytes: number
  /** How many servers share the sessions out among them, and what for. */
  readonly servers: number
  readonly because: "CPU" | "memory" | "disk"
  readonly logBytesPerSecond: number
  /** On PostgreSQL besides that: images of whole pages. Else 0. */
  readonly wholePagesPerSecond: number
  readonly networkBytesPerSecond: number
  /** Rows that are swept in a day, and the minutes of one core for them. */
  readonly sweptPerDay: number
  readonly sweepCoreMinutesPerDay: number
  readonly operationsPerSecond: number
}

/** How many different pages so many changes meet that are spread evenly over all of them. */
export const pagesMet = (changes: number, pages: number): number => pages * (1 - Math.exp(-changes / pages))

/**
 * What PostgreSQL's log has besides, by its defaults: an image of each page that is changed for the first time after a
 * checkpoint. Of the rows of those who are there and of those who come; the pages of indexes are not counted.
 */
export const wholePagesPerSecond = (bytes: number, stored: number, traffic: Traffic): number => {
  const pageBytes = 8192
  const checkpointSeconds = 300
  const there = Math.min(stored, traffic.requestsPerSecond * traffic.secondsBetweenRequests)
  const changed = there + ratesOf(traffic, stored).begin * checkpointSeconds
  return pagesMet(changed, bytes / pageBytes) * pageBytes / checkpointSeconds
}

const operations: ReadonlyArray<OperationName> = ["read", "touch", "write", "begin", "sign-in", "end"]

const pointsOf = (sizes: ReadonlyArray<Size>, of: (size: Size) => number | null | undefined) =>
  sizes.flatMap((size): ReadonlyArray<readonly [number, number]> => {
    const value = of(size)
    return value === null || value === undefined ? [] : [[size.stored, value]]
  })

const at = (points: ReadonlyArray<readonly [number, number]>, stored: number): number =>
  points.length === 0 ? 0 : extrapolate(points, stored)

/** What so many sessions and this traffic need on a store. */
export const needOf = (
  constants: Constants,
  stored: number,
  traffic: Traffic,
  request: RequestCost,
  machine = machineOf(constants.store)
): Need => {
  const rates = ratesOf(traffic, stored)
  const { keeps, network, sizes, store, sweep } = constants
  const biggest = sizes.reduce((biggest, size) => size.stored > biggest.stored ? size : biggest)
  const bytes = stored * biggest.bytesPerSession
  const sum = (of: (operation: OperationName) => number) =>
    operations.reduce((sum, operation) => sum + rates[operation] * of(operation), 0)
  // A server has its share of the sessions, so that its costs are those of its share.
  const storeCoresWith = (share: number) =>
    (sum((name) => at(pointsOf(sizes, ({ costs }) => costs[name]?.serverMicros), share)) +
      rates.sweep * sweep.serverMicros) / 1e6
  const capacity = keeps === "memory" ? machine.memoryBytes : machine.diskBytes
  const forBytes = Math.ceil(bytes / (capacity * machine.load))
  const storeCores = storeCoresWith(stored / forBytes)
  const forCpu = Math.ceil(storeCores / (machine.cores * machine.load))
  const { reading, requestsPerSecond, writing } = traffic
  return {
    store,
    stored,
    appCores: requestsPerSecond *
      ((1 - reading - writing) * request.untouched + reading * request.read + writing * request.write) / 1e6,
    storeCores,
    bytes,
    servers: Math.max(1, forBytes, forCpu),
    because: forCpu > forBytes || forBytes <= 1 ? "CPU" : keeps,
    logBytesPerSecond: sum((name) => at(pointsOf(sizes, ({ costs }) => costs[name]?.logBytes), stored)) +
      rates.sweep * (sweep.logBytes ?? 0),
    wholePagesPerSecond: store === "PostgreSQL" ? wholePagesPerSecond(bytes, stored, traffic) : 0,
    networkBytesPerSecond: network === null ? 0 : sum((name) => network[name] ?? 0),
    sweptPerDay: rates.sweep * 86_400,
    sweepCoreMinutesPerDay: rates.sweep * 86_400 * (sweep.serverMicros || sweep.appMicros) / 6e7,
    operationsPerSecond: sum(() => 1)
  }
}
