/**
 * The events of the browser about a page, in the words of a client: the page is left, it is back, or it may have slept.
 *
 * `leaving.ts` and `haste.ts` act on these events. A worker hears less: the browser does not tell it that its page is
 * left or shown.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** The window, or the global object of a worker. */
const page = (): EventTarget | undefined => typeof globalThis.addEventListener === "function" ? globalThis : undefined

/** A worker has none. */
const visible = (): Document | undefined => globalThis.document

const listen = (
  find: () => EventTarget | undefined,
  type: string,
  listener: (event: Event) => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const target = find()
    if (target === undefined) return Effect.void
    return Effect.acquireRelease(
      Effect.sync(() => target.addEventListener(type, listener)),
      () => Effect.sync(() => target.removeEventListener(type, listener))
    )
  })

/** The browser keeps the page for "back", or has kept it. */
const isKept = (event: Event): boolean => "persisted" in event && event.persisted === true

/**
 * The page is closed, loaded again or left. `isKept` says whether it may come back as it is. Anything that waits comes
 * too late.
 */
export const onLeft = (listener: (isKept: boolean) => void): Effect.Effect<void, never, Scope.Scope> =>
  listen(page, "pagehide", (event) => listener(isKept(event)))

/** The browser shows a page that it had kept. */
export const onBack = (listener: () => void): Effect.Effect<void, never, Scope.Scope> =>
  listen(page, "pageshow", (event) => {
    if (isKept(event)) listener()
  })

/** There is a network again, or the page was hidden, frozen or kept, and is not any more: its connection may be dead. */
export const onAwake = (listener: () => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.all([
    listen(page, "online", listener),
    listen(visible, "visibilitychange", () => {
      if (visible()?.visibilityState === "visible") listener()
    }),
    // Reports the end of a freeze even if the page stays hidden.
    listen(visible, "resume", listener),
    onBack(listener)
  ], { discard: true })

/** Firefox closes the WebSockets of a page that is left before it fires `pagehide`. No other browser has this property. */
const closesWebSocketsFirst = (): boolean => "mozInnerScreenX" in globalThis

/**
 * The page is about to be left, in a browser where `onLeft` comes too late for a last packet. It may stay after all, as
 * after a download, or because a person decides so. The browser does not report that.
 */
export const onLeaving = (listener: () => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => closesWebSocketsFirst() ? listen(page, "beforeunload", listener) : Effect.void)
