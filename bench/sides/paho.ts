/**
 * paho.mqtt.c, the C library of Eclipse: `../native/paho.c`.
 */
import { nativeSide } from "./native.ts"

export const { connect } = nativeSide("paho")
