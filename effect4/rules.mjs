/**
 * What turns Effect 3 source into Effect 4 source. Each rule has a name, which the build fails by when the rule matches
 * nothing. A pattern is a rule for all files; a text is a rule for one place, and what it writes no other rule sees.
 */
import { places } from "./places.mjs"

/** Modules that moved. */
const moved = [
  { name: "HttpApp module", from: /@effect\/platform\/HttpApp\b/g, to: "effect/http/HttpEffect" },
  { name: "HttpApi modules", from: /@effect\/platform\/(HttpApi\w*|OpenApi)/g, to: "effect/http-api/$1" },
  { name: "HttpLayerRouter module", from: /@effect\/platform\/HttpLayerRouter/g, to: "effect/http/HttpRouter" },
  { name: "platform modules", from: /@effect\/platform\/(\w+)/g, to: "effect/http/$1" },
  { name: "sql modules", from: /@effect\/sql\/(\w+)/g, to: "effect/sql/$1" },
  { name: "sql in text", from: /`@effect\/sql`/g, to: "`effect/sql`", files: ["src/"] },
  { name: "HttpLayerRouter namespace", from: /import \* as HttpLayerRouter/g, to: "import * as HttpRouter" },
  { name: "HttpLayerRouter", from: /\bHttpLayerRouter\b/g, to: "HttpRouter" },
  { name: "HttpApp namespace", from: /import( type)? \* as HttpApp from/g, to: "import$1 * as HttpEffect from" },
  { name: "examples: HttpApi", from: /(import \{ HttpApi\b[^}]*\} from) "@effect\/platform"/g, to: "$1 \"effect/http-api\"" },
  { name: "examples: platform", from: /(import \{[^}]*\} from) "@effect\/platform"/g, to: "$1 \"effect/http\"" }
]

/** What has another name, whatever surrounds it. */
const renamed = [
  ["Context.GenericTag<", "Context.Service<"],
  ["Context.TagClass<", "Context.ServiceClass<"],
  ["Context.unsafeGet(", "Context.getUnsafe("],
  ["Effect.zipRight(", "Effect.andThen("],
  ["Effect.zipLeft(", "Effect.tap("],
  ["Effect.catchAllCause(", "Effect.catchCause("],
  ["Effect.catchAll(", "Effect.catch("],
  ["Effect.contextWithEffect(", "Effect.contextWith("],
  ["Effect.either(", "Effect.result("],
  ["Effect.unsafeMakeSemaphore(", "Semaphore.makeUnsafe("],
  ["Effect.Semaphore", "Semaphore.Semaphore"],
  ["HttpRouter.HttpRouter.Provided", "HttpRouter.Provided"],
  ["SessionConfigError.check(", "SessionConfigError.checked("],
  ["static readonly check =", "static readonly checked ="],
  ["codec.decodeVerbatim(", "codec.decodeRecordNow("],
  ["Effect.fork(", "Effect.forkChild("],
  ["Effect.yieldNow()", "Effect.yieldNow"],
  ["Option.fromNullable(", "Option.fromNullishOr("],
  ["Duration.DurationInput", "Duration.Input"],
  ["Duration.decodeUnknown(", "Duration.fromInput("],
  ["Cause.failureOption(", "Cause.findErrorOption("],
  ["Cause.isInterruptedOnly(", "Cause.hasInterruptsOnly("],
  ["DateTime.unsafeMake(", "DateTime.makeUnsafe("],
  ["Cookies.unsafeMakeCookie(", "Cookies.makeCookieUnsafe("],
  ["HttpServerResponse.unsafeJson(", "HttpServerResponse.jsonUnsafe("],
  ["Random.nextRange(", "Random.nextBetween("],
  ["Layer.scopedDiscard(", "Layer.effectDiscard("],
  ["Layer.scoped(", "Layer.effect("],
  ["Layer.unwrapEffect(", "Layer.unwrap("],
  ["Config.Config.Wrap<", "Config.Wrap<"],
  ["ConfigError.ConfigError", "Config.ConfigError"],
  ["Config.string(", "Config.String("],
  ["Config.redacted(", "Config.Redacted("],
  ["Config.boolean(", "Config.Boolean("],
  ["Config.duration(", "Config.Duration("],
  ["Config.array(", "Config.Array("],
  ["ParseResult.ParseError", "Schema.SchemaError"],
  ["Schema.decodeUnknown(", "Schema.decodeUnknownEffect("],
  ["Schema.encode(", "Schema.encodeEffect("],
  ["clock.unsafeCurrentTimeMillis(", "clock.currentTimeMillisUnsafe("],
  [".unsafeInterruptAsFork(FiberId.none)", ".interruptUnsafe()"],
  ["(FiberId.none)", "()"],
  ["Deferred.unsafeMake<", "Deferred.makeUnsafe<"],
  ["Deferred.unsafeDone(", "Deferred.doneUnsafe("]
].map(([from, to]) => ({
  name: from,
  from: new RegExp(from.replace(/[.()<]/g, "\\$&").replace(/^(?=\w)/, "\\b").replace(/(?<=\w)$/, "\\b"), "g"),
  to
}))

/** What has another shape. */
const reshaped = [
  {
    name: "tag classes",
    from: /Context\.Tag\(((?:[^()]|\([^()]*\))*)\)<((?:[^<>]|<[^<>]*>)*)>\(\)/g,
    to: "Context.Service<$2>()($1)"
  },
  { name: "tags as types", from: /Context\.Tag</g, to: "Context.Key<" },
  { name: "errors' status", from: /HttpApiSchema\.annotations\(\{ status: (\d+) \}\)/g, to: "{ httpApiStatus: $1 }" },
  { name: "several literals", from: /Schema\.Literal\(("[^")]*"(?:, "[^")]*")+)\)/g, to: "Schema.Literals([$1])" },
  { name: "Metric.increment", from: /Metric\.increment\(([^()]*(?:\([^()]*\))?)\)/g, to: "Metric.update($1, 1)" },
  { name: "Metric.incrementBy", from: /Metric\.incrementBy\(/g, to: "Metric.update(" },
  { name: "schemas with an encoded side", from: /Schema\.Schema<(\w+), (\w+)>/g, to: "Schema.Codec<$1, $2>" },
  {
    name: "apps",
    from: /HttpApp\.Default<(\w+(?: \| \w+)*)(?:, ((?:[^<>]|<[^<>]*>)*))?>/g,
    to: (_, e, r) =>
      `Effect.Effect<HttpServerResponse.HttpServerResponse, ${e}, ${
        r === undefined ? "" : `${r} | `
      }HttpServerRequest.HttpServerRequest>`
  },
  { name: "outcomes of effects: failures", from: /\b(result)\._tag === "Left"/g, to: "$1._tag === \"Failure\"" },
  { name: "outcomes of effects: errors", from: /\bresult\.left\b/g, to: "result.failure" },
  { name: "properties by fast-check itself", from: /import \* as FastCheck from "effect\/FastCheck"/g, to: "import * as FastCheck from \"fast-check\"" },
  { name: "HttpApp", from: /\bHttpApp\./g, to: "HttpEffect." }
]

export const rules = [...places, ...moved, ...reshaped, ...renamed]

/** What must be gone. */
export const leftovers = [
  { name: "a package of Effect 3", pattern: /@effect\/(?:platform|sql|experimental|schema|cluster|rpc)(?=["/`])/g },
  { name: "a module of Effect 3", pattern: /\b(?:Either|FiberRef|FiberId|ParseResult|ConfigError|Runtime|TestServices)(?=\.\w)/g },
  { name: "a name of Effect 3", pattern: /\b[A-Z]\w+\.unsafe[A-Z]\w*/g },
  {
    name: "a name of Effect 3",
    pattern:
      /\bEffect\.(?:zipRight|zipLeft|catchAll\w*|either|fork|forkDaemon|runtime|dieMessage|timeoutFail\w*|async\w*|tapErrorCause|locally\w*|contextWithEffect|mapInputContext|orElse|filterOrDie\w*|tapBoth|orDieWith)\b/g
  },
  { name: "a name of Effect 3", pattern: /\bContext\.(?:Tag|GenericTag|TagClass)\b/g },
  { name: "a name of Effect 3", pattern: /\bLayer\.(?:scoped|scopedDiscard|unwrapEffect|unwrapScoped)\b/g },
  { name: "a name of Effect 3", pattern: /\bHttpApp\b|\bHttpLayerRouter\b/g }
]
