/**
 * The type test notices what it is for: each of these lines would not compile.
 */
import type * as Other from "effect-mqtt-v3"
import type { Effect } from "effect/Effect"
import type { Scope } from "effect/Scope"
import type { Stream } from "effect/Stream"
import type * as Duration4 from "effect4/Duration"
import type * as Effect4 from "effect4/Effect"
import type * as Scope4 from "effect4/Scope"
import type * as Stream4 from "effect4/Stream"
import type * as Main from "../../../src/index.ts"
import type { Difference, DifferenceOfModules, None } from "./Shape.ts"

type Service = Main.MqttClient.MqttClient["Service"]
type OtherService = Other.MqttClient.MqttClient["Type"]
type Options = Main.MqttClient.Options
type OtherOptions = Other.MqttClient.Options

/** A service of which one call is something else. */
type With<Call> = Omit<OtherService, "publish"> & { readonly publish: Call }
type Publish = OtherService["publish"]

// @ts-expect-error an option is missing
export type MissingOption = None<Difference<Options, Omit<OtherOptions, "keepAlive">>>
// @ts-expect-error an option is one too many
export type MoreOptions = None<Difference<Omit<Options, "keepAlive">, OtherOptions>>
export type Required_ = None<
  // @ts-expect-error an option must be given
  Difference<Options, Omit<OtherOptions, "clientId"> & { readonly clientId: string | undefined }>
>
// @ts-expect-error an option can be changed
export type Mutable = None<Difference<{ readonly qos?: 1 }, { qos?: 1 }>>
export type OtherValues = None<
  // @ts-expect-error an option takes other values
  Difference<{ readonly session?: "clean" | "persistent" }, { readonly session?: "clean" }>
>
// @ts-expect-error an option takes a number, and not every duration
export type NoDuration = None<Difference<{ readonly timeout: Duration4.Input }, { readonly timeout: number }>>
// @ts-expect-error a call is missing
export type MissingCall = None<Difference<Service, Omit<OtherService, "publish">>>
export type OtherParameter = None<
  // @ts-expect-error a call takes something else
  Difference<Pick<Service, "publish">, Pick<With<(topic: string) => ReturnType<Publish>>, "publish">>
>
export type NotOptional = None<
  // @ts-expect-error a call must have all that it is given
  Difference<
    Pick<Service, "publish">,
    Pick<With<(...values: Required<Parameters<Publish>>) => ReturnType<Publish>>, "publish">
  >
>
// @ts-expect-error a call does not fail
export type NoFailure = None<Difference<Effect4.Effect<void, Main.MqttError.MqttError>, Effect<void>>>
// @ts-expect-error a call wants a scope
export type NoScope = None<Difference<Effect4.Effect<void, never, Scope4.Scope>, Effect<void>>>
// @ts-expect-error a stream is another one
export type OtherElements = None<Difference<Stream4.Stream<string>, Stream<number>>>
// @ts-expect-error a reason has other fields
export type OtherFields = None<Difference<typeof Main.MqttError.OpenFailed, typeof Other.MqttError.PortRefused>>
// @ts-expect-error a module has one export less
export type MissingExport = None<DifferenceOfModules<{ make: string; layer: string }, { make: string }>>

export type TheSame = [
  None<
    Difference<
      Effect4.Effect<void, Main.MqttError.MqttError, Scope4.Scope>,
      Effect<void, Other.MqttError.MqttError, Scope>
    >
  >,
  None<Difference<Stream4.Stream<string>, Stream<string>>>,
  None<Difference<Service, OtherService>>,
  None<Difference<Options, OtherOptions>>
]
