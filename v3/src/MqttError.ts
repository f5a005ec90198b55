/**
 * The one error of the library, and its reasons, as classes of Effect 3.
 *
 * It is the main package's module: nothing in it depends on a version of Effect but `effect/Data`, which is Effect 3's here.
 */
export * from "./ported/MqttError.ts"
