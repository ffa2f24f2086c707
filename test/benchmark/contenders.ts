import type { WorkloadName } from "./workloads.js"

export type Store = "memory" | "postgres" | "sqlite" | "redis"

/** How to find a contender's rows without its help: to copy them in bulk, and to make them expired. */
export interface Table {
  readonly name: string
  readonly key: string
  /** The column assignment that makes a row expired. */
  readonly expired: string
}

/** One library in one configuration. */
export interface Contender {
  readonly name: string
  /** In `contenders/`. */
  readonly file: string
  /** The bare server it is measured against: same framework, same answers, no session. */
  readonly bare: string
  readonly store: Store
  readonly config: Readonly<Record<string, unknown>>
  /** Workloads it cannot do, or that its configuration makes the same as another. */
  readonly skips: ReadonlyArray<WorkloadName>
  readonly maxPayload: number
  /** Sessions live on the server, so that an id given up is dead. */
  readonly serverSide: boolean
  readonly table: Table | undefined
  /** Has a clean-up of its own that the harness may call. */
  readonly sweeps: boolean
  /** Stored sessions up to which the growth of its read cost is measured; 0 if it is not. */
  readonly growsTo: number
  /** Another configuration of a contender: measured in the main tables only. */
  readonly variant: boolean
  /** Part of `--quick`. */
  readonly quick: boolean
}

const contender = (
  name: string,
  file: string,
  bare: string,
  store: Store,
  rest: Partial<Contender> = {}
): Contender => ({
  name,
  file,
  bare,
  store,
  config: {},
  skips: [],
  maxPayload: 10_000,
  serverSide: true,
  table: undefined,
  sweeps: false,
  growsTo: 0,
  variant: false,
  quick: false,
  ...rest
})

const readOnly: ReadonlyArray<WorkloadName> = ["write", "sign-in", "sign-out"]
const connectPgSimple: Table = { name: "session", key: "sid", expired: "expire = to_timestamp(0)" }
const sessions: Table = { name: "effect_sessions", key: "key", expired: "expires_at = 0, sweep_after = 0" }
const raw: Table = { name: "raw_sessions", key: "id", expired: "expires_at = 0" }

/** The peers, the floor and the limit. */
const peers: ReadonlyArray<Contender> = [
  contender("minimal (node:http)", "minimal.mjs", "minimal.mjs", "memory", { growsTo: 1_000_000 }),
  contender("express-session", "express.mjs", "express.mjs", "memory", { growsTo: 100_000 }),
  // Its store keeps each session with the request that made it: a million would not fit into memory.
  contender("@fastify/session", "fastify.mjs", "fastify.mjs", "memory", {
    quick: true,
    skips: ["touch"],
    growsTo: 100_000
  }),
  contender("@fastify/session rolling", "fastify.mjs", "fastify.mjs", "memory", {
    config: { rolling: true },
    variant: true
  }),
  contender("hono-sessions", "hono.mjs", "hono.mjs", "memory", { quick: true, skips: ["touch"], growsTo: 1_000_000 }),
  contender("hono-sessions autoExtend", "hono.mjs", "hono.mjs", "memory", { config: { rolling: true }, variant: true }),
  contender("hono-sessions sealed", "hono.mjs", "hono.mjs", "memory", {
    config: { sealed: true },
    variant: true,
    skips: ["touch"]
  }),
  contender("koa-session", "koa.mjs", "koa.mjs", "memory", { skips: ["touch"], growsTo: 100_000 }),
  contender("koa-session rolling", "koa.mjs", "koa.mjs", "memory", { config: { rolling: true }, variant: true }),
  // A sealed session of 10 KB does not fit a cookie.
  contender("iron-session", "iron-session.mjs", "minimal.mjs", "memory", { maxPayload: 1000, serverSide: false }),
  contender("better-auth", "better-auth.mjs", "minimal.mjs", "memory", { skips: readOnly }),

  contender("pg SELECT (node:http)", "select.mjs", "minimal.mjs", "postgres", {
    skips: [...readOnly, "touch"],
    table: raw
  }),
  contender("express-session + connect-pg-simple", "express.mjs", "express.mjs", "postgres", {
    table: connectPgSimple,
    sweeps: true,
    growsTo: 1_000_000
  }),
  contender("@fastify/session + connect-pg-simple", "fastify.mjs", "fastify.mjs", "postgres", {
    skips: ["touch"],
    table: connectPgSimple
  }),
  contender("@fastify/session rolling + connect-pg-simple", "fastify.mjs", "fastify.mjs", "postgres", {
    config: { rolling: true },
    variant: true,
    table: connectPgSimple
  }),
  contender("express-session + connect-redis", "express.mjs", "express.mjs", "redis"),
  contender("@fastify/session + connect-redis", "fastify.mjs", "fastify.mjs", "redis", { skips: ["touch"] }),
  contender("@fastify/session rolling + connect-redis", "fastify.mjs", "fastify.mjs", "redis", {
    config: { rolling: true },
    variant: true
  }),
  contender("better-auth + pg", "better-auth.mjs", "minimal.mjs", "postgres", { skips: readOnly })
]

/** Ours, in each configuration, and the SELECT limit through the same client and router. */
const ours: ReadonlyArray<Contender> = [
  contender("effect-sessions unsigned", "effect-sessions.ts", "effect-bare.ts", "memory", {
    config: { signed: false },
    quick: true
  }),
  contender("effect-sessions signed", "effect-sessions.ts", "effect-bare.ts", "memory", {
    quick: true,
    sweeps: true,
    growsTo: 1_000_000
  }),
  contender("effect-sessions + pg", "effect-sessions.ts", "effect-bare.ts", "postgres", {
    quick: true,
    table: sessions,
    sweeps: true,
    growsTo: 10_000_000
  }),
  contender("effect-sessions + redis", "effect-sessions.ts", "effect-bare.ts", "redis"),
  contender("effect-sessions + libsql", "effect-sessions.ts", "effect-bare.ts", "sqlite", {
    sweeps: true,
    growsTo: 100_000
  }),
  contender("effect SELECT", "effect-select.ts", "effect-bare.ts", "postgres", {
    quick: true,
    skips: [...readOnly, "touch"],
    table: raw,
    growsTo: 10_000_000
  })
]

/** The edition for Effect 4, and its limits. */
const onEffect4: ReadonlyArray<Contender> = [
  contender("effect-sessions 4 unsigned", "effect4/sessions.ts", "effect4/bare.ts", "memory", {
    config: { signed: false },
    quick: true
  }),
  contender("effect-sessions 4 signed", "effect4/sessions.ts", "effect4/bare.ts", "memory", {
    quick: true,
    sweeps: true,
    growsTo: 1_000_000
  }),
  contender("floor on Effect 4 unsigned", "effect4/floor.ts", "effect4/bare.ts", "memory", {
    config: { signed: false },
    variant: true
  }),
  contender("floor on Effect 4", "effect4/floor.ts", "effect4/bare.ts", "memory", { quick: true }),
  contender("effect-sessions 4 + pg", "effect4/sessions.ts", "effect4/bare.ts", "postgres", {
    quick: true,
    table: sessions,
    sweeps: true,
    growsTo: 10_000_000
  }),
  contender("effect-sessions 4 + redis", "effect4/sessions.ts", "effect4/bare.ts", "redis"),
  contender("effect 4 SELECT", "effect4/select.ts", "effect4/bare.ts", "postgres", {
    quick: true,
    skips: [...readOnly, "touch"],
    table: raw
  })
]

/** Whether a contender runs on Effect 4, whose packages may not be installed. */
export const isEffect4 = ({ file }: Contender): boolean => file.startsWith("effect4/")

export const contenders: ReadonlyArray<Contender> = [...ours, ...onEffect4, ...peers]
