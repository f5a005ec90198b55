/**
 * The options of a client in Node: the options of every client, and the address of the server.
 *
 * `NodeMqtt` exports them. `endpoints.ts` resolves the address of the server.
 */
import type * as Redacted from "effect/Redacted"
import type * as ClientOptions from "../../internal/clientOptions.ts"
import type { PerAttempt } from "../../internal/transport/attempt.ts"
import type * as NodeMqttStore from "../NodeMqttStore.ts"
import type { Connect } from "./byteStream.ts"
import type { EndpointPolicy } from "./endpointChoice.ts"
import type { Endpoint } from "./endpoints.ts"
import type { TlsOptions } from "./secure.ts"
import type { WebSocketOptions } from "./webSocket.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends ClientOptions.Options {
  /**
   * `mqtt:` (also `tcp:`), `mqtts:` (also `ssl:` and `tls:`), `ws:`, `wss:` and `unix:///path`, such as
   * `mqtts://user:password@host:port`. The port is by default 1883, 8883, 80 or 443. User name and password are used
   * unless they are given as options. As an effect it is run for every attempt. Default: `mqtt://localhost:1883`.
   */
  readonly url?: PerAttempt<string | Redacted.Redacted<string>> | undefined
  /** Instead of `url`, over TCP, or over TLS if `tls` is given. */
  readonly host?: string | undefined
  /** Default: 1883, with TLS 8883. */
  readonly port?: number | undefined
  /**
   * Several servers, instead of `url` and `host`: each is a URL, or an object with `url`, or `host` and `port`, and so
   * on.
   */
  readonly endpoints?: PerAttempt<ReadonlyArray<string | Redacted.Redacted<string> | Endpoint>> | undefined
  /**
   * Which of several servers an attempt goes to. `"inOrder"`: the first, the next after each attempt that failed, and
   * the first again once a connection was stable. `"roundRobin"`: each in turn. `"random"`: in a random order, all of
   * them before a server comes again. Default: `"inOrder"`.
   */
  readonly endpointPolicy?: EndpointPolicy | undefined
  /** Authority, client certificate and so on. As an effect it is run for every attempt. Default: all defaults. */
  readonly tls?: PerAttempt<TlsOptions> | undefined
  /** Headers and so on. As an effect it is run for every attempt. Default: all defaults. */
  readonly webSocket?: PerAttempt<WebSocketOptions> | undefined
  /** Opens the byte stream under TLS and WebSocket instead of TCP, such as through a proxy. */
  readonly connect?: Connect | undefined
  /**
   * A directory in which messages and the session outlive the process, `NodeMqttStore`. It needs a `clientId` that
   * stays the same, and replaces a store that a layer gives. Default: none.
   *
   * @since 0.2.0
   */
  readonly store?: NodeMqttStore.Options | undefined
}
