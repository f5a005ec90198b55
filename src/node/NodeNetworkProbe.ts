/**
 * The network probe of Node: a query to one DNS server.
 *
 * @since 0.1.0
 */
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import type * as NetAddress from "effect/net/NetAddress"
import * as NetworkProbe from "../NetworkProbe.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends NetworkProbe.Options {
  /** The address of the server to ask. Default: the DNS servers of this machine. */
  readonly server?: string | undefined
}

/**
 * Fails when `server` is not an address.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<NetworkProbe.NetworkProbe, NetAddress.NetAddressError> =>
  NetworkProbe.layer(options).pipe(
    Layer.provide(Layer.effect(
      Dns.Dns,
      // One try: a caller that wants more asks again.
      NodeDns.make({ nameServers: options.server === undefined ? undefined : [options.server], tries: 1 })
    ))
  )
