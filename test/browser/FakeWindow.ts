/**
 * A window and a document that only fire events, in place of the globals that a page has.
 */
import { Effect, type Scope } from "effect"
import { vi } from "vitest"

export interface FakeWindow {
  readonly fire: (type: string, properties?: object) => Effect.Effect<void>
  readonly fireOnDocument: (type: string, visibilityState?: DocumentVisibilityState) => Effect.Effect<void>
  /** How many listeners there are, of both. */
  readonly listeners: () => number
}

export interface Options {
  /** A worker has no document. Default: `true`. */
  readonly hasDocument?: boolean
  readonly isFirefox?: boolean
}

class Target extends EventTarget {
  visibilityState: DocumentVisibilityState = "visible"
  listeners = 0

  override addEventListener(...[type, listener, options]: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners++
    super.addEventListener(type, listener, options)
  }

  override removeEventListener(...[type, listener, options]: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners--
    super.removeEventListener(type, listener, options)
  }
}

/** As long as the scope. */
export const make = (
  { hasDocument = true, isFirefox = false }: Options = {}
): Effect.Effect<FakeWindow, never, Scope.Scope> =>
  Effect.gen(function*() {
    const [window, document] = [new Target(), new Target()]
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        vi.stubGlobal("addEventListener", window.addEventListener.bind(window))
        vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window))
        if (hasDocument) vi.stubGlobal("document", document)
        if (isFirefox) vi.stubGlobal("mozInnerScreenX", 0)
      }),
      () => Effect.sync(() => vi.unstubAllGlobals())
    )
    return {
      fire: (type, properties) =>
        Effect.sync(() => void window.dispatchEvent(Object.assign(new Event(type), properties))),
      fireOnDocument: (type, visibilityState = "visible") =>
        Effect.sync(() => {
          document.visibilityState = visibilityState
          document.dispatchEvent(new Event(type))
        }),
      listeners: () => window.listeners + document.listeners
    }
  })
