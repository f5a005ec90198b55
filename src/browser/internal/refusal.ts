/**
 * Whether it is the page that may not open a WebSocket, by its Content-Security-Policy or because its content would be
 * mixed. No attempt from the same page can change that.
 *
 * Each browser reports this in its own way: by the error that it throws, by an event before or after that, or not at
 * all. CSP level 3 section 5; Mixed Content section 5.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { WebSocketFailed } from "../../MqttError.ts"
import { pageUrl, type Target } from "./url.ts"

/** Firefox throws first and reports the reason afterwards, after about a millisecond. */
const afterwards = "100 millis"

/** The document or the worker, which a policy may bind. Firefox hides the class of the event from workers. */
const source = (): EventTarget | undefined =>
  globalThis.document ?? ("WorkerGlobalScope" in globalThis ? globalThis : undefined)

/** Without the query of the URL, which some browsers report and which may be a signature. */
const hostOf = (url: string): string | undefined => URL.canParse(url) ? new URL(url).host : undefined

/** Hosts that are this machine: to them browsers open `ws:` from any page. */
const isLocal = (hostname: string): boolean =>
  hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$|(^|\.)localhost\.?$/.test(hostname)

const isInsecure = (url: string): boolean => url.startsWith("ws:")

/** The refusals of the page while one WebSocket opens. */
export class Refusal {
  readonly #target: Target
  readonly #policy: Deferred.Deferred<void>

  constructor(target: Target, policy: Deferred.Deferred<void>) {
    this.#target = target
    this.#policy = policy
  }

  /** Why the browser threw, if the page was the reason. */
  thrown(cause: unknown): Effect.Effect<WebSocketFailed | undefined> {
    const isSecurityError = cause instanceof DOMException && cause.name === "SecurityError"
    if (isSecurityError && isInsecure(this.#target.href) && pageUrl()?.startsWith("http:") !== true) {
      return Effect.succeed(this.#of("MixedContent"))
    }
    return this.told
  }

  /** The refusal by the page's policy. A browser may report it only after it has refused. */
  get told(): Effect.Effect<WebSocketFailed | undefined> {
    return source() === undefined
      ? Effect.undefined
      : Effect.map(Effect.timeoutOption(Deferred.await(this.#policy), afterwards), () => this.#byPolicy)
  }

  /**
   * Why a WebSocket failed to open, if the page was the reason. `url` comes from the browser, which may have made it
   * `wss:`. If one has been open before, a person has told the browser to allow mixed content.
   */
  failed(url: string, hasOpened: boolean): WebSocketFailed | undefined {
    if (this.#byPolicy !== undefined) return this.#byPolicy
    const isMixed = isInsecure(url) && pageUrl()?.startsWith("https:") === true && !isLocal(new URL(url).hostname)
    return isMixed && !hasOpened ? this.#of("MixedContent") : undefined
  }

  get #byPolicy(): WebSocketFailed | undefined {
    return Deferred.isDoneUnsafe(this.#policy) ? this.#of("ContentSecurityPolicy") : undefined
  }

  #of(problem: "ContentSecurityPolicy" | "MixedContent"): WebSocketFailed {
    return new WebSocketFailed({ endpoint: this.#target.endpoint, problem })
  }
}

/** Listens for refusals of the page, for as long as the scope. */
export const listen = (target: Target): Effect.Effect<Refusal, never, Scope.Scope> =>
  Effect.suspend(() => {
    const policy = Deferred.makeUnsafe<void>()
    const host = hostOf(target.href)
    const hear = (event: Event): void => {
      const { blockedURI, disposition, effectiveDirective } = event as SecurityPolicyViolationEvent
      if (effectiveDirective !== "connect-src" || disposition !== "enforce" || hostOf(blockedURI) !== host) return
      Deferred.doneUnsafe(policy, Effect.void)
    }
    const heard = source()
    return Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => heard?.addEventListener("securitypolicyviolation", hear)),
        () => Effect.sync(() => heard?.removeEventListener("securitypolicyviolation", hear))
      ),
      new Refusal(target, policy)
    )
  })
