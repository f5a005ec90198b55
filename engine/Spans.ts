/**
 * Spans of the host: each span of the client is a span of the host's tracer, and its parent may be a span of the
 * program.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { TraceState } from "../src/MqttTracing.ts"
import { type Outcome, outcomeOf } from "./Outcome.ts"

/** Identifies a span. */
export interface SpanReference {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
  /** The `tracestate` of its trace, from other tracing systems. W3C Trace Context. */
  readonly traceState?: string | undefined
  /** The span itself as the host has it, if it is a span of this process. */
  readonly host: unknown
}

export interface SpanOptions {
  readonly name: string
  readonly parent: SpanReference | undefined
  readonly links: ReadonlyArray<SpanReference & { readonly attributes: Readonly<Record<string, unknown>> }>
  readonly startTime: bigint
  readonly kind: Tracer.SpanKind
}

/** A span of the host. */
export interface HostSpan extends SpanReference {
  readonly attribute: (key: string, value: unknown) => void
  readonly event: (name: string, time: bigint, attributes: Readonly<Record<string, unknown>> | undefined) => void
  readonly end: (time: bigint, outcome: Outcome<unknown, unknown>) => void
}

export type MakeSpan = (options: SpanOptions) => HostSpan

type NativeOptions = ConstructorParameters<typeof Tracer.NativeSpan>[0]

export class BridgedSpan extends Tracer.NativeSpan {
  readonly host: unknown
  readonly #span: HostSpan

  constructor(make: MakeSpan, options: NativeOptions) {
    super(options)
    this.#span = make({
      name: options.name,
      parent: Option.getOrUndefined(Option.map(options.parent, referenceTo)),
      links: options.links.map(({ attributes, span }) => ({ ...referenceTo(span), attributes })),
      startTime: options.startTime,
      kind: options.kind
    })
    this.host = this.#span.host
  }

  override get traceId(): string {
    return this.#span.traceId
  }

  override get spanId(): string {
    return this.#span.spanId
  }

  override attribute(key: string, value: unknown): void {
    super.attribute(key, value)
    this.#span.attribute(key, value)
  }

  override event(name: string, time: bigint, attributes?: Record<string, unknown>): void {
    super.event(name, time, attributes)
    this.#span.event(name, time, attributes)
  }

  override end(time: bigint, exit: Exit.Exit<unknown, unknown>): void {
    super.end(time, exit)
    this.#span.end(time, outcomeOf(exit))
  }
}

/** The host's spans behind spans that the client has not made. */
const hostSpans = new WeakMap<Tracer.AnySpan, unknown>()

const hostOf = (span: Tracer.AnySpan): unknown => span instanceof BridgedSpan ? span.host : hostSpans.get(span)

/** A span of the client, for the host. */
export const referenceTo = (span: Tracer.AnySpan): SpanReference => ({
  traceId: span.traceId,
  spanId: span.spanId,
  sampled: span.sampled,
  traceState: Context.get(span.annotations, TraceState),
  host: hostOf(span)
})

/** A span of the host, for the client. */
export const spanFrom = (span: SpanReference): Tracer.ExternalSpan => {
  const { host, traceState, ...external } = span
  const annotations = traceState === undefined ? Context.empty() : Context.make(TraceState, traceState)
  const parent = Tracer.externalSpan({ ...external, annotations })
  hostSpans.set(parent, host)
  return parent
}

/** The services inside a span of the host. */
export const inSpan = (services: Context.Context<never>, span: SpanReference): Context.Context<never> =>
  Context.add(services, Tracer.ParentSpan, spanFrom(span))

/** For a part of the host that makes no spans. */
export const withoutTracing = (services: Context.Context<never>): Context.Context<never> =>
  Context.add(services, References.TracerEnabled, false)

/** A span that the host makes itself, with the name and attributes that the client would give it. */
export interface DescribedSpan extends SpanOptions {
  readonly attributes: Readonly<Record<string, unknown>>
}

/** Describes the span in which `within` would run an effect. */
export const describeSpan = (
  within: (effect: Effect.Effect<void>) => Effect.Effect<void>
): DescribedSpan | undefined => {
  const attributes: Record<string, unknown> = {}
  let described: DescribedSpan | undefined
  const make: MakeSpan = (options) => {
    described = { ...options, attributes }
    return {
      traceId: "",
      spanId: "",
      sampled: true,
      host: undefined,
      attribute: (key, value) => {
        attributes[key] = value
      },
      event: () => {},
      end: () => {}
    }
  }
  const tracer = Tracer.make({ span: (options) => new BridgedSpan(make, options) })
  Effect.runSync(Effect.provideService(within(Effect.void), Tracer.Tracer, tracer))
  return described
}

/** The host's span around the fiber that runs now. */
export const currentHostSpan = (): unknown => {
  const context = Fiber.getCurrent()?.context
  if (context === undefined) return undefined
  return Option.getOrUndefined(Option.map(Context.getOption(context, Tracer.ParentSpan), hostOf))
}
