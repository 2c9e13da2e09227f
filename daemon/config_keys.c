#include "config_keys.h"

#include "config.h"

#define FIELD(member) offsetof(struct config, member)
#define SECOND 1000ull
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define MIB (1ull << 20)

const struct config_key config_keys[] = {
    {"listen", CONFIG_STRINGS, FIELD(listen), FIELD(listen_count),
	"127.0.0.1:5000", 1, 12, false, "addresses and ports to serve on"},
    {"store", CONFIG_PATH, FIELD(store), 0, WINNOW_STATEDIR, 0, 0, false,
	"directory of blobs and database"},
    {"admin_socket", CONFIG_PATH, FIELD(admin_socket), 0,
	WINNOW_RUNDIR "/admin.sock", 0, 0, false, "socket of winnow status"},
    {"admin", CONFIG_STRINGS, FIELD(admin), FIELD(admin_count), "", 0, 4, false,
	"addresses for metrics and health, none by default"},
    {"policies", CONFIG_PATH, FIELD(policies), 0, WINNOW_CONFDIR "/policies.d",
	0, 0, true, "directory of policies"},
    {"sets", CONFIG_PATH, FIELD(sets), 0, WINNOW_CONFDIR "/sets.d", 0, 0, true,
	"directory of the sets that policies include"},
    {"default_upstream", CONFIG_STRING, FIELD(default_upstream), 0, "docker.io",
	0, 0, true, "upstream of names without a host"},
    {"upstreams", CONFIG_UPSTREAMS, FIELD(upstreams), 0, NULL, 0, 0, false,
	"where images come from, by the host in their names"},
    {"default", CONFIG_ACTION, FIELD(default_action), 0, "pass", 0, 0, true,
	"images without a policy: pass or deny"},
    {"original_prefix", CONFIG_STRING, FIELD(original_prefix), 0, "original", 0,
	0, true, "name prefix under which sources are served unchanged"},
    {"platforms", CONFIG_STRINGS, FIELD(platforms), FIELD(platform_count), NULL,
	1, 32, true, "platforms that variants are made for"},
    {"servers", CONFIG_NUMBER, FIELD(servers), 0, NULL, 1, 256, false,
	"server processes"},
    {"workers", CONFIG_NUMBER, FIELD(workers), 0, NULL, 1, 256, false,
	"worker processes"},
    {"tag_ttl", CONFIG_DURATION, FIELD(tag_ttl_ms), 0, "5m", 0, 365 * DAY, true,
	"how long a tag is trusted before upstream is asked again"},
    {"stale_if_error", CONFIG_BOOL, FIELD(stale_if_error), 0, "true", 0, 0,
	true, "serve the last known image while upstream fails"},
    {"wait", CONFIG_DURATION, FIELD(wait_ms), 0, "10m", SECOND, DAY, true,
	"how long a client waits for an image that is being made"},
    {"wait_containerd", CONFIG_DURATION, FIELD(wait_containerd_ms), 0, "25s",
	SECOND, DAY, true, "the same for containerd, which gives up at 30s"},
    {"worker_memory", CONFIG_SIZE, FIELD(worker_memory), 0, "2G", 64 * MIB,
	1ull << 50, false, "address space of a worker"},
    {"worker_time", CONFIG_DURATION, FIELD(worker_time_ms), 0, "10m", SECOND,
	DAY, false, "time of a worker for one job"},
    {"connections", CONFIG_NUMBER, FIELD(connections), 0, "10000", 1, 1000000,
	false, "clients of one server at once; more are answered 503"},
    {"jobs", CONFIG_NUMBER, FIELD(jobs), 0, "64", 1, 100000, true,
	"images made or waiting at once; more are answered 429"},
    {"header_timeout", CONFIG_DURATION, FIELD(header_timeout_ms), 0, "10s", 100,
	HOUR, false, "for the whole header of a request"},
    {"idle_timeout", CONFIG_DURATION, FIELD(idle_timeout_ms), 0, "75s", 100,
	HOUR, false, "between requests, and for a client that stopped reading"},
    {"upstream_connect_timeout", CONFIG_DURATION,
	FIELD(upstream_connect_timeout_ms), 0, "10s", 100, HOUR, true,
	"for a connection to an upstream"},
    {"upstream_idle_timeout", CONFIG_DURATION, FIELD(upstream_idle_timeout_ms),
	0, "60s", 100, HOUR, true, "for the next byte of an upstream"},
    {"upstream_connections", CONFIG_NUMBER, FIELD(upstream_connections), 0, "8",
	1, 1000, true, "connections to one upstream at once"},
    {"log_level", CONFIG_STRING, FIELD(log_level), 0, "info", 0, 0, true,
	"error, warn, info or debug"},
};
const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);
