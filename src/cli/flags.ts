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
      (value) => `${value} is not from ${minimum} to ${maximum}`
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
    Flag.filter((value) => value >= 0, (value) => `${value} is less than no time`)
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

/** A number of seconds, or for ever. */
const sessionExpiry = text("session-expiry-interval", "x", "seconds that the server keeps the session, -1: for ever")
  .pipe(
    Flag.map((text) => text === "-1" || text === "∞" ? 0xffff_ffff : /^\d+$/.test(text) ? Number(text) : Number.NaN),
    Flag.filter((value) => value >= 0 && value <= 0xffff_ffff, () => "it is not from 0 to 4294967295, -1 or ∞")
  )

/**
 * @since 0.1.0
 * @category constants
 */
export const connection = {
  host: optional(text("host", "h", "the server's name or address; localhost")),
  port: optional(whole("port", "p", "1883, with TLS 8883", { minimum: 1, maximum: 65_535 })),
  url: optional(
    Flag.Redacted("url").pipe(
      described("L", "mqtt(s)://user:password@host:port/topic, or ws, wss, unix:///path; instead of -h, -p, -u, -P, -t")
    )
  ),
  unix: optional(text("unix", undefined, "path of a Unix socket to connect to, instead of -h and -p")),
  bindAddress: optional(text("bind-address", "A", "the address of this machine to connect from")),
  id: optional(text("id", "i", "client identifier; a new one")),
  idPrefix: optional(text("id-prefix", "I", "client identifier: this with the process identifier behind")),
  username: optional(text("username", "u", "user name; or MQTT_USERNAME")),
  password: optional(
    Flag.Redacted("pw").pipe(described("P", "password; better in MQTT_PASSWORD, where ps shows none"))
  ),
  keepAlive: optional(whole("keepalive", "k", "seconds; 60", { maximum: 65_535 })),
  protocolVersion: optional(
    Flag.ChoiceWithValue("protocol-version", versions).pipe(
      described("V", "auto: 5.0, and 3.1.1 where the server speaks no other")
    )
  ),
  persistent: toggle("disable-clean-session", "c", "go on with the session the server keeps for this -i"),
  sessionExpiry: optional(sessionExpiry),
  properties: repeated(text("property", "D", "5.0: packet, property, value, as in -D publish content-type text/plain")),
  willTopic: optional(text("will-topic", undefined, "where the server publishes the Will")),
  willPayload: optional(text("will-payload", undefined, "what it publishes; nothing")),
  willQos: optional(qos("will-qos", undefined, "QoS of the Will; 0")),
  willRetain: toggle("will-retain", undefined, "the Will is retained"),
  cafile: optional(text("cafile", undefined, "trusted authorities, PEM; with it TLS is used")),
  capath: optional(text("capath", undefined, "a folder of trusted authorities, PEM; with it TLS is used")),
  useOsCerts: toggle("tls-use-os-certs", undefined, "trust what the operating system trusts; with it TLS is used"),
  cert: optional(text("cert", undefined, "the client's certificate, PEM; needs --key")),
  key: optional(text("key", undefined, "its private key, PEM; a passphrase in MQTT_TLS_PASSPHRASE")),
  keyform: optional(Flag.Literals("keyform", ["pem"]).pipe(described(undefined, "pem"))),
  insecure: toggle("insecure", undefined, "accept any certificate: whoever is on the way reads and changes everything"),
  alpn: optional(text("tls-alpn", undefined, "application protocol to ask for, such as mqtt")),
  tlsVersion: optional(
    Flag.ChoiceWithValue("tls-version", [["tlsv1.2", "TLSv1.2"], ["tlsv1.3", "TLSv1.3"]] as const).pipe(
      described(undefined, "the lowest version of TLS; tlsv1.2")
    )
  ),
  nodelay: toggle("nodelay", undefined, "send at once; always so"),
  debug: toggle("debug", "d", "say what happens, on standard error"),
  packets: toggle("packets", undefined, "as -d, and each Control Packet, without payloads and secrets"),
  quiet: toggle("quiet", undefined, "no error messages")
}
