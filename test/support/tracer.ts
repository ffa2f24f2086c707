import type * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"

/** A tracer that keeps the spans it makes, and tells of what else happens to them. */
export const recordingTracer = (on: {
  readonly end?: (exit: Exit.Exit<unknown, unknown>) => void
  readonly event?: (name: string, attributes: Record<string, unknown> | undefined) => void
} = {}): { readonly tracer: Tracer.Tracer; readonly spans: Array<Tracer.Span> } => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind, options) => {
      const attributes = new Map<string, unknown>(Object.entries(options?.attributes ?? {}))
      const span: Tracer.Span = {
        _tag: "Span",
        name,
        spanId: "span",
        traceId: "trace",
        parent,
        context,
        links,
        status: { _tag: "Started", startTime },
        sampled: true,
        kind,
        attributes,
        end: (_time, exit) => on.end?.(exit),
        attribute: (key, value) => {
          attributes.set(key, value)
        },
        event: (name, _time, attributes) => on.event?.(name, attributes),
        addLinks: () => void 0
      }
      spans.push(span)
      return span
    },
    context: (f) => f()
  })
  return { tracer, spans }
}
