/**
 * libmosquitto, the C library of the mosquitto project: `../native/libmosquitto.c`.
 */
import { nativeSide } from "./native.ts"

export const { connect } = nativeSide("libmosquitto")
