/**
 * The flags that all commands have: the server, the credentials, and the options of CONNECT. Letters and names are the
 * same as in `mosquitto_pub` and `mosquitto_sub`.
 *
 * `connecting.ts` gives them their meaning.
 *
 * @since 0.1.0
 */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"

/**
 * A flag that has no value unless it is given.
 *
 * @since 0.1.0
 * @category combinators
 */
export const optional = <A>(flag: Flag.Flag<A>): Flag.Flag<A | undefined> =>
  flag.pipe(Flag.optional, Flag.map(Option.getOrUndefined))

/**
 * @since 0.1.0
 * @category combinators
 */
export const repeated = <A>(flag: Flag.Flag<A>): Flag.Flag<ReadonlyArray<A>> => Flag.atLeast(flag, 0)

/**
 * The value without the flag.
 *
 * @since 0.1.0
 * @category combinators
 */
export const or = <const B>(value: B) => <A>(flag: Flag.Flag<A>): Flag.Flag<A | B> => Flag.withDefault(flag, value)

/** The flag with its letter, if it has one, and its description. */
const described = (letter: string | undefined, description: string) => <A>(flag: Flag.Flag<A>): Flag.Flag<A> => {
  const named = Flag.withDescription(flag, description)
  return letter === undefined ? named : Flag.withAlias(named, letter)
}

/**
 * A flag that is given or not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const toggle = (name: string, letter: string | undefined, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(described(letter, description), Flag.withoutNegation, Flag.withDefault(false))

/**
 * @since 0.1.0
 * @category constructors
 */
export const text = (name: string, letter: string | undefined, description: string): Flag.Flag<string> =>
  described(letter, description)(Flag.String(name))

/**
 * A whole number from `minimum` to `maximum`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const whole = (
  name: string,
  letter: string | undefined,
  description: string,
  { maximum = Number.MAX_SAFE_INTEGER, minimum = 0 }: { readonly minimum?: number; readonly maximum?: number } = {}
): Flag.Flag<number> =>
  Flag.Int(name).pipe(
    described(letter, description),
    Flag.filter(
      (value) => value >= minimum && value <= maximum,
      () => maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `a number from ${minimum} to ${maximum}`
    )
  )

/**
 * Seconds, which may have a fraction.
 *
 * @since 0.1.0
 * @category constructors
 */
export const seconds = (name: string, letter: string | undefined, description: string): Flag.Flag<number> =>
  Flag.Finite(name).pipe(
    described(letter, description),
    Flag.filter((value) => value >= 0, () => "0 or more")
  )

const qosLevels = [["0", 0], ["1", 1], ["2", 2]] as const

/**
 * @since 0.1.0
 * @category constructors
 */
export const qos = (name: string, letter: string | undefined, description: string): Flag.Flag<0 | 1 | 2> =>
  Flag.ChoiceWithValue(name, qosLevels).pipe(described(letter, description))

/**
 * A choice between several words, each with its value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const choice = <const Choices extends ReadonlyArray<readonly [string, unknown]>>(
  name: string,
  choices: Choices,
  description: string
): Flag.Flag<Choices[number][1]> => Flag.ChoiceWithValue(name, choices).pipe(described(undefined, description))

const versions = [
  ["auto", "auto"],
  ["mqttv5", "5.0"],
  ["mqttv311", "3.1.1"],
  ["5", "5.0"],
  ["311", "3.1.1"]
] as const

const forEver = 0xffff_ffff

const secondsKept = (text: string): number =>
  text === "-1" || text === "∞" ? forEver : /^\d+$/.test(text) ? Number(text) : Number.NaN

/** A number of seconds, or for ever. */
const sessionExpiry = text(
  "session-expiry-interval",
  "x",
  "seconds for which the server keeps the session; -1 means for ever"
).pipe(
  Flag.filter((text) => secondsKept(text) <= forEver, () => `a number from 0 to ${forEver}, or -1 for ever`),
  Flag.map(secondsKept)
)

/**
 * @since 0.1.0
 * @category constants
 */
export const connection = {
  host: optional(text("host", "h", "the server's name or address; default localhost")),
  port: optional(whole("port", "p", "the server's port; default 1883, with TLS 8883", { minimum: 1, maximum: 65_535 })),
  url: optional(
    Flag.Redacted("url").pipe(
      described("L", "mqtt(s)://user:password@host:port/topic, or ws, wss, unix:///path; replaces -h, -p, -u, -P, -t")
    )
  ),
  unix: optional(text("unix", undefined, "path of a Unix socket to connect to, instead of -h and -p")),
  bindAddress: optional(text("bind-address", "A", "address of this machine from which to connect")),
  id: optional(text("id", "i", "client identifier; default a new one")),
  idPrefix: optional(text("id-prefix", "I", "client identifier: this prefix and the process identifier")),
  username: optional(text("username", "u", "user name; default MQTT_USERNAME")),
  password: optional(
    Flag.Redacted("pw").pipe(described("P", "password; MQTT_PASSWORD is safer, because ps does not show it"))
  ),
  keepAlive: optional(whole("keepalive", "k", "seconds of the Keep Alive; default 60", { maximum: 65_535 })),
  protocolVersion: optional(
    Flag.ChoiceWithValue("protocol-version", versions).pipe(
      described("V", "default auto: 5.0, or 3.1.1 if the server speaks no other")
    )
  ),
  persistent: toggle("disable-clean-session", "c", "continue the session that the server keeps for this -i"),
  sessionExpiry: optional(sessionExpiry),
  properties: repeated(
    text("property", "D", "5.0: packet, property and value, as in -D publish content-type text/plain")
  ),
  willTopic: optional(text("will-topic", undefined, "topic of the Will")),
  willPayload: optional(text("will-payload", undefined, "payload of the Will; default empty")),
  willQos: optional(qos("will-qos", undefined, "QoS of the Will; default 0")),
  willRetain: toggle("will-retain", undefined, "retain the Will"),
  cafile: optional(text("cafile", undefined, "file of trusted authorities, PEM; switches TLS on")),
  capath: optional(text("capath", undefined, "folder of trusted authorities, PEM; switches TLS on")),
  useOsCerts: toggle("tls-use-os-certs", undefined, "trust the authorities of the operating system; switches TLS on"),
  cert: optional(text("cert", undefined, "the client's certificate, PEM; needs --key")),
  key: optional(text("key", undefined, "the private key of --cert, PEM; its passphrase is MQTT_TLS_PASSPHRASE")),
  keyform: optional(Flag.Literals("keyform", ["pem"]).pipe(described(undefined, "format of --key"))),
  insecure: toggle(
    "insecure",
    undefined,
    "accept any certificate; anybody on the way can then read and change everything"
  ),
  alpn: optional(text("tls-alpn", undefined, "application protocol to request, such as mqtt")),
  tlsVersion: optional(
    Flag.ChoiceWithValue("tls-version", [["tlsv1.2", "TLSv1.2"], ["tlsv1.3", "TLSv1.3"]] as const).pipe(
      described(undefined, "the lowest version of TLS; default tlsv1.2")
    )
  ),
  nodelay: toggle("nodelay", undefined, "has no effect: packets are always sent at once"),
  debug: toggle("debug", "d", "write a log to standard error"),
  packets: toggle("packets", undefined, "like -d, and also each Control Packet, without payloads and secrets"),
  quiet: toggle("quiet", undefined, "no error messages")
}
