/*
 * What no configuration of mosquitto 2.0 does, for the integration tests: enhanced authentication, sending clients away,
 * refusing a message.
 *
 * Methods (MQTT 5.0 section 4.12); any other is unknown (0x8C), any other answer is refused (0x87):
 *   TOKEN     "valid..." is accepted at once, with the data "welcome"
 *   REVERSE   the client must send back the challenge, "stressed", the other way round
 * Topics:
 *   plugin/kick/<client identifier>   that client is sent away
 *   plugin/forbidden                  the message is refused
 *
 * Built by Mosquitto.ts: gcc -shared -fPIC. Needs the Debian packages mosquitto-dev and libmosquitto-dev.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

static const char challenge[] = "stressed";
static const char response[] = "desserts";
static const char kick_topic[] = "plugin/kick/";

static mosquitto_plugin_id_t *plugin;

static bool starts_with(const void *data, size_t length, const char *prefix)
{
	return length >= strlen(prefix) && memcmp(data, prefix, strlen(prefix)) == 0;
}

static int reply(struct mosquitto_evt_extended_auth *exchange, const char *text, int result)
{
	size_t length = strlen(text);
	exchange->data_out = mosquitto_malloc(length);
	if (exchange->data_out == NULL) return MOSQ_ERR_NOMEM;
	memcpy(exchange->data_out, text, length);
	exchange->data_out_len = (uint16_t)length;
	return result;
}

static int on_auth_start(int event, void *event_data, void *user_data)
{
	struct mosquitto_evt_extended_auth *exchange = event_data;
	(void)event;
	(void)user_data;
	if (strcmp(exchange->auth_method, "REVERSE") == 0) return reply(exchange, challenge, MOSQ_ERR_AUTH_CONTINUE);
	if (strcmp(exchange->auth_method, "TOKEN") != 0) return MOSQ_ERR_NOT_SUPPORTED;
	if (!starts_with(exchange->data_in, exchange->data_in_len, "valid")) return MOSQ_ERR_AUTH;
	return reply(exchange, "welcome", MOSQ_ERR_SUCCESS);
}

static int on_auth_continue(int event, void *event_data, void *user_data)
{
	struct mosquitto_evt_extended_auth *exchange = event_data;
	size_t length = strlen(response);
	(void)event;
	(void)user_data;
	if (exchange->data_in_len != length || memcmp(exchange->data_in, response, length) != 0) return MOSQ_ERR_AUTH;
	return reply(exchange, "welcome", MOSQ_ERR_SUCCESS);
}

static int on_message(int event, void *event_data, void *user_data)
{
	struct mosquitto_evt_message *message = event_data;
	(void)event;
	(void)user_data;
	if (starts_with(message->topic, strlen(message->topic), kick_topic)) {
		mosquitto_kick_client_by_clientid(message->topic + strlen(kick_topic), true);
	}
	return strcmp(message->topic, "plugin/forbidden") == 0 ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int count, const int *versions)
{
	for (int i = 0; i < count; i++) {
		if (versions[i] == 5) return 5;
	}
	return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **user_data, struct mosquitto_opt *options, int count)
{
	int result;
	(void)user_data;
	(void)options;
	(void)count;
	plugin = id;
	result = mosquitto_callback_register(plugin, MOSQ_EVT_EXT_AUTH_START, on_auth_start, NULL, NULL);
	if (result == MOSQ_ERR_SUCCESS) {
		result = mosquitto_callback_register(plugin, MOSQ_EVT_EXT_AUTH_CONTINUE, on_auth_continue, NULL, NULL);
	}
	if (result == MOSQ_ERR_SUCCESS) {
		result = mosquitto_callback_register(plugin, MOSQ_EVT_MESSAGE, on_message, NULL, NULL);
	}
	return result;
}

int mosquitto_plugin_cleanup(void *user_data, struct mosquitto_opt *options, int count)
{
	(void)user_data;
	(void)options;
	(void)count;
	mosquitto_callback_unregister(plugin, MOSQ_EVT_EXT_AUTH_START, on_auth_start, NULL);
	mosquitto_callback_unregister(plugin, MOSQ_EVT_EXT_AUTH_CONTINUE, on_auth_continue, NULL);
	return mosquitto_callback_unregister(plugin, MOSQ_EVT_MESSAGE, on_message, NULL);
}
