/**
 * The options of a client in a page: the options of every client, its URL, and the permissions of the page.
 *
 * `BrowserMqtt` exports them.
 */
import type * as Layer from "effect/Layer"
import type * as ClientOptions from "../../internal/clientOptions.ts"
import type * as PartOptions from "../../internal/partOptions.ts"
import type * as MqttError from "../../MqttError.ts"
import type * as WebSocket from "./webSocket.ts"

/**
 * The additional options of every kind of client in a page.
 *
 * @since 0.2.0
 * @category models
 */
export interface PageOptions {
  /**
   * `ws:` or `wss:`, such as `wss://user:password@host/mqtt`, or `/mqtt` on the server that the page came from. User
   * name and password are used unless they are given as options. As an effect it is run for every attempt, for a URL
   * that is signed and expires.
   */
  readonly url: WebSocket.Options["url"]
  /** A write waits while more bytes than these are unsent. Default: 1 MiB. */
  readonly maximumUnsent?: number | undefined
  /**
   * Whether the client acts when the browser has a network again (`online`), when a hidden page is shown, or when a
   * page comes back from a freeze or from where the browser kept it. Then a client that waits for its next attempt
   * makes it at once, and `reconnect` starts anew. A client with a connection checks it, and replaces it if no answer
   * comes within five seconds. Default: `true`.
   */
  readonly reconnectWhenOnline?: boolean | undefined
  /**
   * Whether a page that is closed, loaded again or left sends DISCONNECT, so that the server publishes no Will. A page
   * that the browser keeps for "back" connects at once when it is shown again. Firefox reports too late that a page is
   * left. So in Firefox a page that might be left, and stays, connects again after five seconds. Default: `true`.
   */
  readonly disconnectWithPage?: boolean | undefined
  /**
   * Where messages and the session outlive the page, such as `BrowserMqttStore.layer()`. It needs a `clientId` that
   * stays the same, and replaces a store that another layer gives. It is a layer, so that a page without a store does
   * not load the code of one. Default: none.
   *
   * @since 0.2.0
   */
  readonly store?: Layer.Layer<never, MqttError.MqttError> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<ClientOptions.Options, "metrics" | "tracing">, PageOptions {}

/**
 * The options of a client with `tracing` and `metrics`.
 *
 * @since 0.2.0
 * @category models
 */
export interface ObservedOptions extends ClientOptions.Options, PageOptions {}

/**
 * @since 0.2.0
 * @category models
 */
export interface PublisherOptions extends PartOptions.PublisherOptions, PageOptions {}

/**
 * @since 0.2.0
 * @category models
 */
export interface SubscriberOptions extends PartOptions.SubscriberOptions, PageOptions {}
