/** A node of a deployment: the app under test, ready to be one of several behind a balancer. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SessionCleaner from "effect-sessions/SessionCleaner"
import * as SessionCookie from "effect-sessions/SessionCookie"
import * as SessionGuard from "effect-sessions/SessionGuard"
import * as Sessions from "effect-sessions/Sessions"
import * as SessionTimeouts from "effect-sessions/SessionTimeouts"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createServer } from "../../../examples/notes-server/server.js"
import { storeOf } from "../../sql/support/environment.js"
import { announce, done, parameter, routes, signedIn, WithSession } from "../../sql/support/routes.js"
import { Ledger } from "../../sql/support/session.js"
import { makeClock } from "../support/clock.js"
import { variable } from "../support/environment.js"

const clock = makeClock(Number(variable("CLOCK_OFFSET")))

const stopping = Effect.runSync(Effect.makeLatch(false))
const seen = Effect.runSync(Effect.makeLatch(false))
const state = { isReady: true, refusals: 0 }

/**
 * Built last, so closed first: on SIGTERM the node says that it is not ready, and serves all the same until the balancer
 * has seen that. Only then the server stops listening, finishes what is in flight, and all that it needs closes after it.
 * An app waits for longer than its balancer takes to ask; a test does not know how long that is on a busy machine. Here the
 * balancer asks one question at a time, so it has heard the first refusal when it asks again.
 */
const Draining = Layer.scopedDiscard(Effect.addFinalizer(() =>
  Effect.sync(() => {
    state.isReady = false
  }).pipe(
    Effect.zipRight(stopping.open),
    // Who ends a layer cannot be interrupted, nor what it starts: the race would last until both are over.
    Effect.zipRight(Effect.raceFirst(
      Effect.interruptible(seen.await),
      Effect.interruptible(Effect.sleep("10 seconds"))
    ))
  )
))

const ready = HttpLayerRouter.route(
  "GET",
  "/ready",
  Effect.suspend(() => {
    if (state.isReady) return Effect.succeed(done)
    const refused = HttpServerResponse.empty({ status: 503 })
    return ++state.refusals < 2 ? Effect.succeed(refused) : Effect.as(seen.open, refused)
  })
)

/** What the tests ask of a node besides. */
const more = HttpLayerRouter.addAll([
  // A look that is no activity.
  HttpLayerRouter.route(
    "GET",
    "/look",
    Effect.flatMap(Ledger, (session) => Effect.zipRight(session.background, signedIn(() => Effect.succeed(done))))
  ),
  HttpLayerRouter.route(
    "GET",
    "/fresh",
    Effect.flatMap(parameter("maxAge"), (maxAge) => Effect.as(SessionGuard.fresh(Ledger, Number(maxAge)), done))
  ),
  // In flight when the node is told to stop, and for a while after it has stopped listening.
  HttpLayerRouter.route(
    "POST",
    "/outlast",
    signedIn((session) =>
      stopping.await.pipe(
        Effect.zipRight(seen.await),
        Effect.zipRight(Effect.sleep("500 millis")),
        Effect.zipRight(session.update((data) => ({ ...data, count: data.count + 1 }))),
        Effect.as(done)
      )
    )
  ),
  HttpLayerRouter.route(
    "POST",
    "/sweep",
    Effect.map(SessionCleaner.sweep(), (count) => HttpServerResponse.text(String(count)))
  ),
  HttpLayerRouter.route(
    "POST",
    "/clock",
    Effect.zipWith(parameter("ahead"), parameter("at"), (ahead, at) => {
      if (at === "") clock.goAhead(Number(ahead))
      else clock.standAt(Number(at))
      return done
    })
  )
]).pipe(Layer.provide(WithSession.layer))

/** A connection that is idle ends at the balancer's wish, never at ours while the balancer takes it for a request. */
const server = () => Object.assign(createServer(), { keepAliveTimeout: 65_000 })

const StoreLive = storeOf({
  DATABASE_URL: variable("STORE_URL"),
  PREFIX: variable("PREFIX"),
  CONNECTIONS: "10",
  TOUCH_INTERVAL: "",
  ISOLATION: "",
  MAX_PER_USER: ""
})

const SessionsLive = Layer.mergeAll(
  Sessions.layerWith(Ledger, {
    endedInterval: "500 millis",
    maxPerUser: Number(variable("MAX_PER_USER"))
  }),
  SessionCleaner.layer({ interval: Number(variable("SWEEP_INTERVAL")) })
).pipe(
  Layer.provideMerge(StoreLive),
  // Every activity is written at once, so that reads and touches write, too.
  Layer.provide(SessionTimeouts.layer({ idle: "15 minutes", absolute: "20 minutes", touchInterval: 1 }))
)

const CookieLive = SessionCookie.layer({
  insecure: true,
  signingKeys: variable("SESSION_SECRETS").split(",").map((secret) => Redacted.make(secret))
})

const Main = Layer.mergeAll(Layer.effectDiscard(announce), Draining).pipe(
  Layer.provideMerge(
    HttpLayerRouter.serve(Layer.mergeAll(routes, more, HttpLayerRouter.addAll([ready])), {
      disableLogger: true,
      disableListenLog: true
    })
  ),
  Layer.provide(NodeHttpServer.layer(server, { port: 0, host: "127.0.0.1" })),
  Layer.provide(SessionsLive),
  Layer.provide(CookieLive)
)

NodeRuntime.runMain(clock.run(Layer.launch(Main)))
