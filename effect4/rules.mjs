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
  ["Effect.catchAllDefect(", "Effect.catchDefect("],
  ["Effect.catchAllCause(", "Effect.catchCause("],
  ["Effect.catchAll(", "Effect.catch("],
  ["Effect.contextWithEffect(", "Effect.contextWith("],
  ["Effect.either(", "Effect.result("],
  ["Effect.unsafeMakeSemaphore(", "Semaphore.makeUnsafe("],
  ["Effect.Semaphore", "Semaphore.Semaphore"],
  ["SessionConfigError.check(", "SessionConfigError.checked("],
  ["static readonly check =", "static readonly checked ="],
  ["codec.decodeVerbatim(", "codec.decodeRecordNow("],
  ["Effect.fork(", "Effect.forkChild("],
  ["Effect.timeoutFail", "Effect.timeout"],
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
  ["Layer.scopedContext(", "Layer.effectContext("],
  ["Layer.scopedDiscard(", "Layer.effectDiscard("],
  ["Layer.scoped(", "Layer.effect("],
  ["Stream.unwrapScoped(", "Stream.unwrap("],
  ["Layer.unwrapEffect(", "Layer.unwrap("],
  ["Config.Config.Wrap<", "Config.Wrap<"],
  ["ConfigError.ConfigError", "Config.ConfigError"],
  ["Config.string(", "Config.String("],
  ["Config.redacted(", "Config.Redacted("],
  ["Config.boolean(", "Config.Boolean("],
  ["Config.duration(", "Config.Duration("],
  ["Config.date(", "Config.Date("],
  ["ParseResult.ParseError", "Schema.SchemaError"],
  ["Schema.encode(", "Schema.encodeEffect("],
  [".unsafeInterruptAsFork(FiberId.none)", ".interruptUnsafe()"],
  ["(FiberId.none)", "()"],
  ["Deferred.unsafeMake<", "Deferred.makeUnsafe<"],
  ["Deferred.unsafeDone(", "Deferred.doneUnsafe("]
].map(([from, to]) => ({
  name: from,
  from: new RegExp(from.replace(/[.()<]/g, "\\$&").replace(/^(?=\w)/, "\\b").replace(/(?<=\w)$/, "\\b"), "g"),
  to
}))

/** A label of metrics. */
const attribute = (key, value) => {
  const literal = /^"(\w+)"$/.exec(key)?.[1]
  return literal === undefined ? `{ [${key}]: ${value} }` : literal === value ? `{ ${literal} }` : `{ ${literal}: ${value} }`
}

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
  { name: "outcomes of effects: failures", from: /"Left"/g, to: "\"Failure\"" },
  { name: "outcomes of effects: successes", from: /"Right"/g, to: "\"Success\"" },
  { name: "outcomes of effects: errors", from: /(?<=\w)\.left\b/g, to: ".failure" },
  {
    name: "Schema.transform",
    call: "Schema.transform",
    to: (from, to, options) =>
      `${from}.pipe(Schema.decodeTo(${to}, SchemaTransformation.transform(${options.replace(/strict: true,\s*/, "")})))`
  },
  {
    name: "Config.array",
    from: /Config\.array\(Config\.(string|redacted)\(\), /g,
    to: (_, kind) => `Config.Array(${kind === "string" ? "Schema.String" : "Schema.Redacted(Schema.String)"}, `
  },
  { name: "Metric.tagged", call: "Metric.tagged", to: (metric, key, value) => `Metric.withAttributes(${metric}, ${attribute(key, value)})` },
  {
    name: "HttpApi middleware of sessions",
    from: /HttpApiMiddleware\.Tag<(\w+)>(\(\)\([\s*]*"\w+",[\s*]*SessionMiddleware\.httpApi\()(\w+)/g,
    to: "HttpApiMiddleware.Service<$1, { provides: $3 }>$2$3"
  },
  {
    name: "HttpApiEndpoint.addSuccess",
    from: /(HttpApiEndpoint\.\w+\([^()]*)\)\.addSuccess\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/g,
    to: "$1, { success: $2 })"
  },
  { name: "Effect.withClock", call: "Effect.withClock", to: (...args) => `Effect.provideService(${[...args.slice(0, -1), "Clock.Clock", args.at(-1)].join(", ")})` },
  { name: "Effect.clock", from: /Effect\.clock\b/g, to: "Clock.Clock" },
  { name: "clocks", from: /\bunsafeCurrentTime(Millis|Nanos)\b/g, to: "currentTime$1Unsafe" },
  { name: "HttpApiBuilder.api", from: /HttpApiBuilder\.api\(/g, to: "HttpApiBuilder.layer(" },
  { name: "a fiber that is done", from: /Option\.isSome\(yield\* Fiber\.poll\((\w+)\)\)/g, to: "$1.pollUnsafe() !== undefined" },
  { name: "a fiber that is not done", from: /Option\.isNone\(yield\* Fiber\.poll\((\w+)\)\)/g, to: "$1.pollUnsafe() === undefined" },
  {
    name: "what is left in the context of a fiber",
    from:
      /return Effect\.zipRight\(\s*Effect\.updateFiberRefs\(\(fiberId, refs\) =>\s*FiberRefs\.updateManyAs\(refs, \{\s*entries: \[\s*\[FiberRef\.currentContext, \[\[fiberId, ([^\]]+)\]\]\],\s*\[([\w.]+), \[\[fiberId, (\[[^\]]*\])\]\]\]\s*\]\s*\}\)\s*\),\s*(HttpApp\.appendPreResponseHandler\(\w+\))\s*\)/g,
    to: "fiber.setContext(Context.add($1, $2, $3))\n    return $4",
    files: ["src/internal/door.ts"]
  },
  {
    name: "the error of an exit",
    from: /Option\.flatMap\(Exit\.causeOption\((\w+)\), Cause\.failureOption\)/g,
    to: "Exit.findErrorOption($1)"
  },
  { name: "HttpApp", from: /\bHttpApp\./g, to: "HttpEffect." },
  { name: "Effect.makeLatch", from: /Effect\.makeLatch\(/g, to: "Latch.make(" },
  { name: "since when", from: /@since 3\.0\.0/g, to: "@since 4.0.0", files: ["src/"] }
]

/** What only tests and examples use. */
const ofTests = [
  {
    name: "tests are scoped",
    from: /import \{([^}]*)\} from "@effect\/vitest"/g,
    to: (_, names) => {
      const kept = names.split(",").map((name) => name.trim()).filter((name) => name !== "" && name !== "prop")
        .map((name) => ({ scoped: "effect", scopedLive: "live" })[name] ?? name)
      return `import { ${[...new Set(kept)].join(", ")} } from "@effect/vitest"`
    }
  },
  { name: "scoped", from: /(?<![.\w])scoped(?=\(|\.skipIf|\.runIf)/g, to: "effect" },
  { name: "scopedLive", from: /(?<![.\w])scopedLive\b/g, to: "live" },
  { name: "effect.prop", from: /(?<![.\w])effect\.prop\(/g, to: "effectProp(" },
  { name: "properties by fast-check itself", from: /"effect\/FastCheck"/g, to: "\"fast-check\"" },
  { name: "effect/TestClock", from: /"effect\/TestClock"/g, to: "\"effect/testing/TestClock\"" },
  { name: "Effect.async", from: /Effect\.async(?=[<(])/g, to: "Effect.callback" },
  { name: "Effect.dieMessage", from: /Effect\.dieMessage\(((?:[^()]|\([^()]*\))*)\)/g, to: "Effect.die(new Error($1))" },
  { name: "Schema.Record", from: /Schema\.Record\(\{ key: ([\w.]+), value: ([^{}]+?) \}\)/g, to: "Schema.Record($1, $2)" },
  { name: "services of tags", from: /Context\.Tag\.Service</g, to: "Context.Service.Shape<" },
  { name: "clients with pools", from: /PgClient\.PgClientConfig\b/g, to: "PgClient.PgPoolConfig" },
  { name: "Schema.parseJson", from: /Schema\.parseJson\(/g, to: "Schema.fromJsonString(" },
  { name: "Config.mapAttempt", from: /Config\.mapAttempt\(/g, to: "Config.map(" },
  { name: "isServerResponse", from: /HttpServerResponse\.isServerResponse/g, to: "HttpServerResponse.isHttpServerResponse" },
  { name: "Scope.extend", from: /Scope\.extend\(/g, to: "Scope.provide(" },
  { name: "web handlers", from: /HttpApp\.toWebHandlerRuntime\(runtime\)/g, to: "HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(context)" },
  { name: "HttpServerResponse.unsafe*", from: /HttpServerResponse\.unsafe(\w)(\w*)/g, to: (_, first, rest) => `HttpServerResponse.${first.toLowerCase()}${rest}Unsafe` },
  { name: "Effect.Effect.Success", from: /Effect\.Effect\.Success</g, to: "Effect.Success<" },
  { name: "Effect.forkDaemon", from: /Effect\.forkDaemon\b/g, to: "Effect.forkDetach" },
  { name: "Either module", from: /"effect\/Either"/g, to: "\"effect/Result\"" },
  { name: "Either namespace", from: /\* as Either\b/g, to: "* as Result" },
  { name: "Either", from: /\bEither\.(Either|match)\b/g, to: (_, name) => `Result.${name === "Either" ? "Result" : name}` },
  { name: "Either.match", from: /\{ onLeft: ([^{}]*(?:\{[^{}]*\})?[^{}]*), onRight: /g, to: "{ onFailure: $1, onSuccess: " },
  { name: "Either.isLeft", from: /Either\.isLeft\(/g, to: "Result.isFailure(" },
  { name: "Logger.replace", call: "Logger.replace", to: (_, logger) => `Logger.layer([${logger}])` },
  { name: "Logger.add", call: "Logger.add", to: (logger) => `Logger.layer([${logger}], { mergeWithExisting: true })` },
  { name: "Logger.remove", call: "Logger.remove", to: () => "Logger.layer([])" },
  { name: "formats of loggers", from: /Logger\.(string|logfmt|json|structured)Logger\b/g, to: (_, name) =>
    `Logger.${{ string: "formatSimple", logfmt: "formatLogFmt", json: "formatJson", structured: "formatStructured" }[name]}` },
  { name: "Logger.withMinimumLogLevel", from: /Logger\.withMinimumLogLevel\(LogLevel\.(\w+)\)/g, to: "Effect.provideService(References.MinimumLogLevel, \"$1\")" },
  { name: "Logger.minimumLogLevel", from: /Logger\.minimumLogLevel\(LogLevel\.(\w+)\)/g, to: "Layer.succeed(References.MinimumLogLevel, \"$1\")" },
  { name: "LogLevel.greaterThanEqual", from: /LogLevel\.greaterThanEqual\((\w+), LogLevel\.Warning\)/g, to: "LogLevel.isGreaterThanOrEqualTo($1, \"Warn\")" },
  { name: "Layer.discard", call: "Layer.discard", to: (layer) => `Layer.effectDiscard(Layer.build(${layer}))` },
  { name: "Layer.setConfigProvider", call: "Layer.setConfigProvider", to: (provider) => `ConfigProvider.layer(${provider})` },
  { name: "Effect.withConfigProvider", call: "Effect.withConfigProvider", to: (provider) => `Effect.provide(ConfigProvider.layer(${provider}))` },
  { name: "ConfigProvider.fromMap", from: /ConfigProvider\.fromMap\(new Map\(/g, to: "ConfigProvider.fromEnvRecord(Object.fromEntries(" },
  { name: "types of clocks", from: / *\[Clock\.ClockTypeId\]: Clock\.ClockTypeId,\n/g, to: "" },
  { name: "Effect.repeatN", call: "Effect.repeatN", to: (effect, times) => `Effect.replicateEffect(${effect}, ${Number(times) + 1}, { discard: true })` },
  { name: "Effect.tagMetrics", call: "Effect.tagMetrics", to: (first, second) =>
    first.startsWith("\"")
      ? `Effect.provideService(Metric.CurrentMetricAttributes, ${attribute(first, second)})`
      : `Effect.provideService(${first}, Metric.CurrentMetricAttributes, ${second})` },
  {
    name: "Effect.withMaxOpsBeforeYield",
    call: "Effect.withMaxOpsBeforeYield",
    to: (effect, operations) => `Effect.provideService(${effect}, Scheduler.MaxOpsBeforeYield, ${operations})`
  },
  { name: "Effect.intoDeferred", from: /Effect\.intoDeferred\(/g, to: "Deferred.into(" },
  { name: "Effect.tapErrorCause", from: /Effect\.tapErrorCause\(/g, to: "Effect.tapCause(" },
  { name: "RuntimeFiber", from: /Fiber\.RuntimeFiber</g, to: "Fiber.Fiber<" },
  { name: "addresses", from: /_tag === "TcpAddress"/g, to: "_tag === \"InetAddressV4\"" },
  { name: "Schema.filter", call: "Schema.filter", to: (filter) => `Schema.check(Schema.makeFilter(${filter}))` },
  { name: "Schema.maxLength", from: /Schema\.maxLength\((\d+)\)/g, to: "Schema.check(Schema.isMaxLength($1))" },
  { name: "Schema.positive", from: /Schema\.positive\(\)/g, to: "Schema.check(Schema.isGreaterThan(0))" },
  { name: "HttpApiBuilder.toWebHandler", from: /HttpApiBuilder\.toWebHandler\(/g, to: "HttpRouter.toWebHandler(" },
  {
    name: "the services of HttpApi",
    call: "Layer.mergeAll",
    to: (api, services, ...others) =>
      services === "HttpServer.layerContext" && others.length === 0
        ? `Layer.provide(${api}, HttpServer.layerServices)`
        : undefined
  },
  { name: "HttpServer.layerContext", from: /HttpServer\.layerContext\b/g, to: "HttpServer.layerServices" },
  { name: "HttpLayerRouter.addHttpApi", from: /HttpLayerRouter\.addHttpApi\(/g, to: "HttpApiBuilder.layer(" },
  { name: "a fiber that still runs", from: /assert\.isNull\((\w+)\.unsafePoll\(\)\)/g, to: "assert.isUndefined($1.pollUnsafe())" },
  {
    name: "the clock that is never set",
    from: /( *)unsafeCurrentTimeNanos: \(\) => (BigInt\(millis\) \* 1_000_000n),\n/g,
    to: "$&$1monotonicTimeNanosUnsafe: () => $2,\n$1monotonicTimeNanos: Effect.succeed($2),\n"
  },
  { name: "contexts for web handlers", from: /Effect\.runtime<never>\(\), \(runtime\)/g, to: "Effect.context<never>(), (context)" }
].map((rule) => ({ files: ["test/", "examples/"], ...rule }))

/** The two arguments of a schema that Effect 3 takes as an object: `{ key: …, value: … }`. */
const pair = (text) => /^\{ \w+: ([\s\S]*), \w+: ([\s\S]*) \}$/.exec(text)?.slice(1)

/** What only the programs use that both editions run over one table. */
const ofEditions = [
  { name: "Schema.Union", call: "Schema.Union", to: (...members) =>
    members[0]?.startsWith("[") ? undefined : `Schema.Union([${members.join(", ")}])` },
  { name: "Schema.Tuple", call: "Schema.Tuple", to: (...elements) =>
    elements[0]?.startsWith("[") ? undefined : `Schema.Tuple([${elements.join(", ")}])` },
  { name: "Schema.optionalWith", call: "Schema.optionalWith", to: (schema, options) => {
    const otherwise = /^\{ default: \(\) => (.*) \}$/.exec(options)?.[1]
    return otherwise === undefined
      ? `Schema.optionalKey(${schema})`
      : `${schema}.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(${otherwise})))`
  } },
  { name: "Schema.ReadonlyMap", call: "Schema.ReadonlyMap", to: (entries) => pair(entries) && `Schema.ReadonlyMap(${pair(entries).join(", ")})` },
  { name: "Schema.HashMap", call: "Schema.HashMap", to: (entries) => pair(entries) && `Schema.HashMap(${pair(entries).join(", ")})` },
  { name: "Schema.Either", call: "Schema.Either", to: (sides) => pair(sides) && `Schema.Result(${pair(sides).reverse().join(", ")})` },
  { name: "Either.right", from: /Either\.right\(/g, to: "Result.succeed(" }
].map((rule) => ({ files: ["test/editions/"], ...rule }))

/** What the example app and its tests use beyond that. */
const ofExamples = [
  { name: "Schema.pattern", call: "Schema.pattern", to: (pattern) => `Schema.check(Schema.isPattern(${pattern}))` },
  { name: "Schema.minLength", from: /Schema\.minLength\((\d+)\)/g, to: "Schema.check(Schema.isMinLength($1))" },
  { name: "tests that share a layer are scoped", from: /\bit\.scoped\(/g, to: "it.effect(" },
  { name: "Config.integer", from: /\bConfig\.integer\(/g, to: "Config.Int(" },
  { name: "Effect.console", from: /\bEffect\.console\b/g, to: "Console.Console" },
  {
    name: "Effect.withConsole",
    call: "Effect.withConsole",
    to: (console) => `Effect.provideService(Console.Console, ${console})`
  }
].map((rule) => ({ files: ["test/", "examples/"], ...rule }))

export const rules = [...places, ...ofEditions, ...ofTests, ...moved, ...reshaped, ...renamed, ...ofExamples]

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
  { name: "a name of Effect 3", pattern: /\bSchema\.(?:decode|decodeUnknown|encode|Union|Literal|optionalWith|parseJson|transform)\((?!"[^"]*"\)|\[|\w+\))/g },
  { name: "a name of Effect 3", pattern: /\bContext\.(?:Tag|GenericTag|TagClass)\b/g },
  { name: "a name of Effect 3", pattern: /\bLayer\.(?:scoped|scopedDiscard|unwrapEffect|unwrapScoped)\b/g },
  { name: "a name of Effect 3", pattern: /\bHttpApp\b|\bHttpLayerRouter\b/g }
]
