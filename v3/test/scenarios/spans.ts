/**
 * Spans of Effect 3 that are spans of the test's tracer.
 */
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as Engine from "../../../engine/index.ts"
import * as Effect4 from "../../../test/through-effect3/effect4.ts"
import { parentOf, referenceTo } from "../../src/internal/host.ts"
import { outcomeOf } from "../../src/internal/outcome.ts"

const ofTest = new WeakMap<Tracer.AnySpan, Effect4.AnySpan>()
const ofProgram = new WeakMap<Effect4.AnySpan, Tracer.AnySpan>()

const known = <S extends Tracer.AnySpan>(span: S, test: Effect4.AnySpan): S => {
  ofTest.set(span, test)
  ofProgram.set(test, span)
  return span
}

/** The same span for the program. */
export const fromTest = (span: Effect4.AnySpan): Tracer.AnySpan =>
  ofProgram.get(span) ?? known(parentOf({ ...Engine.referenceTo(span), host: undefined }), span)

/** The same span for the test. */
export const toTest = (span: Tracer.AnySpan): Effect4.AnySpan => {
  const test = ofTest.get(span)
  if (test !== undefined) return test
  const external = Engine.spanFrom(referenceTo(span))
  known(span, external)
  return external
}

/** A tracer whose spans the test's tracer makes. */
export const tracerOf = (services: Effect4.Services): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const test = Effect4.makeSpan(services, {
        name,
        parent: Option.getOrUndefined(Option.map(parent, toTest)),
        links: links.map(({ attributes, span }) => ({ _tag: "SpanLink", span: toTest(span), attributes })),
        startTime,
        kind
      })
      const span: Tracer.Span = {
        _tag: "Span",
        name,
        kind,
        parent,
        context,
        links,
        traceId: test.traceId,
        spanId: test.spanId,
        sampled: test.sampled,
        attributes: test.attributes,
        status: { _tag: "Started", startTime },
        attribute: (key, value) => test.attribute(key, value),
        event: (event, time, attributes) => test.event(event, time, attributes),
        end: (time, exit) => Effect4.endSpan(test, time, outcomeOf(exit)),
        addLinks: (more) =>
          test.addLinks(more.map((link) => ({ span: toTest(link.span), attributes: link.attributes })))
      }
      return known(span, test)
    },
    context: (run) => run()
  })
